"""Every policy has a form by its schema, and what the form says is what is stored."""

import pytest

from portal_api.web.console.policy_form import PREFIX, filled, read_config, settings_of
from portal_api.web.kit.forms import Form
from shared.policies import KINDS, policy_schema

CONFIGS: dict[str, dict[str, object]] = {
    "cors": {"allow_origins": ["https://app.test"], "allow_methods": ["GET"], "allow_credentials": True},
    "ip-filter": {"allow": ["192.0.2.0/24", "2001:db8::/32"]},
    "request-size": {"max_bytes": 0},
    "required-scopes": {"scopes": ["read", "write"]},
    "path-rewrite": {"prefix": "/a", "replacement": "/b"},
    "query-parameters": {"set": {"tenant": "a=b"}, "remove": ["x"]},
    "request-headers": {"set": [{"name": "X-A", "value": "b: c"}], "remove": ["Cookie"]},
    "consumer-identity": {"form": "jwt", "audience": "https://backend.test"},
    "trace-context": {"sampled": True},
    "mock-response": {"status": 201, "body": '{\n  "a": 1\n}'},
    "response-cache": {"max_seconds": 60},
    "units-from-header": {"header": "X-Cost"},
    "response-headers": {"add": [{"name": "X-A", "value": "b"}]},
}


def typed(kind: str, config: dict[str, object]) -> Form:
    """As a browser sends it back: line ends are CRLF, boxes that are not ticked are missing."""
    form = filled(kind, config)
    return Form({name: [value.replace("\n", "\r\n") for value in values] for name, values in form.values.items()})


def test_all_kinds_are_tried() -> None:
    assert set(CONFIGS) == set(KINDS)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_stored_policy_comes_back_as_it_was(kind: str) -> None:
    form = typed(kind, CONFIGS[kind])
    assert read_config(kind, form) == CONFIGS[kind]
    assert form.errors == {}
    schema = policy_schema(kind)
    names = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    assert {one.name for one in settings_of(kind)} == set(names)


@pytest.mark.parametrize(
    ("kind", "values", "field", "said"),
    [
        ("request-size", {}, "max_bytes", "needed"),
        ("request-size", {"max_bytes": "many"}, "max_bytes", "whole number"),
        ("response-cache", {"max_seconds": "0"}, "max_seconds", ">= 1"),
        ("cors", {"allow_origins": "https://a.test\r\nftp://b"}, "allow_origins", "(line 2)"),
        ("request-headers", {"set": "X-A b"}, "set", "no `:`"),
        ("request-headers", {"set": "X A: b"}, "set", "(line 1)"),
        ("query-parameters", {"set": "a=1\r\na=2"}, "set", "twice"),
        ("consumer-identity", {"form": "smoke"}, "form", "Invalid enum value"),
    ],
)
def test_what_is_wrong_stands_at_its_field(kind: str, values: dict[str, str], field: str, said: str) -> None:
    form = Form({PREFIX + name: [value] for name, value in values.items()})
    read_config(kind, form)
    assert said in form.errors[PREFIX + field]


def test_what_is_wrong_with_the_whole_is_said_above() -> None:
    form = Form({PREFIX + "form": ["jwt"]})
    read_config("consumer-identity", form)
    assert "audience" in form.errors["settings"]
    form = Form({PREFIX + "allow": ["300.0.0.0/8"]})
    read_config("ip-filter", form)
    assert "300.0.0.0/8" in form.errors["settings"]
