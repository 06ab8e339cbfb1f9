"""The control plane's OpenAPI document: valid, complete, and every problem that code raises has its page."""

import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from portal_api.http.problem_types import PROBLEM_TYPES
from portal_api.main import build
from portal_api.settings import Settings

SOURCE = Path(__file__).parents[3] / "services/portal-api/src/portal_api"
OPEN = {"create_user", "create_session"}


@pytest.fixture
async def document() -> dict[str, Any]:
    """Of the application as `main` wires it; nothing is connected."""
    portal = build(Settings(database_url="postgresql://nobody@127.0.0.1:1/none", encryption_key="a" * 43 + "="))
    return portal.app.openapi()


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]


async def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)


async def test_every_operation_is_documented(document: dict[str, Any]) -> None:
    operations = [entry for entry in _operations(document) if entry[0].startswith("/v1/")]
    assert len(operations) > 30
    ids = [one["operationId"] for _, _, one in operations]
    assert len(set(ids)) == len(ids)
    for path, method, one in operations:
        where = f"{method} {path}"
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", one["operationId"]), where
        assert one.get("tags"), where
        assert one.get("summary"), where
        errors = {status: answer for status, answer in one["responses"].items() if status[0] in "45"}
        assert errors, where
        assert all("application/problem+json" in answer.get("content", {}) for answer in errors.values()), where
        if one.get("security"):
            assert "401" in errors, where


async def test_every_create_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for path, method, one in _operations(document):
        if path.startswith("/v1/") and method == "post" and one["operationId"].startswith("create_"):
            names = {parameter["name"].lower() for parameter in one.get("parameters", ())}
            assert "idempotency-key" in names or one["operationId"] == "create_session", one["operationId"]


async def test_every_list_has_pages(document: dict[str, Any]) -> None:
    bounded = {"list_operations", "list_environments", "list_api_plans", "list_policies", "list_policy_kinds"}
    for _, _, one in _operations(document):
        if one["operationId"].startswith("list_") and one["operationId"] not in bounded:
            names = {parameter["name"] for parameter in one.get("parameters", ())}
            assert {"limit", "after"} <= names, one["operationId"]


def test_every_problem_that_code_raises_has_a_page() -> None:
    raised: set[str] = set()
    for file in SOURCE.rglob("*.py"):
        raised |= set(re.findall(r'DomainError\(\s*"([a-z-]+)"', file.read_text()))
    assert len(raised) > 40
    assert raised - set(PROBLEM_TYPES) == set()


def test_every_problem_page_has_its_texts() -> None:
    for name, kind in PROBLEM_TYPES.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert all((kind.title, kind.cause, kind.cure))
