"""The sample upstream does what its contract says."""

import pytest
import yaml
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from reading_list.app import create_app


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_app("http://books.test"))


def test_contract_is_valid_and_names_its_own_server(client: TestClient) -> None:
    contract = yaml.safe_load(client.get("/openapi.yaml").text)
    validate(contract)
    assert contract["servers"] == [{"url": "http://books.test"}]


def test_a_books_life(client: TestClient) -> None:
    before = client.get("/books").json()
    added = client.post("/books", json={"title": "Dune", "author": "Frank Herbert"})
    assert added.status_code == 201
    path = f"/books/{added.json()['id']}"
    assert client.get("/books").json() == [*before, added.json()]
    changed = client.put(path, json={"title": "Dune", "author": "Frank Herbert", "status": "read"})
    assert changed.json()["status"] == "read"
    assert client.get(path).json() == changed.json()
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get("/books").json() == before


@pytest.mark.parametrize(
    "body", ["{}", "[]", "not json", '{"title": "", "author": "x"}', '{"title": "a", "author": "b", "isbn": 1}']
)
def test_what_is_not_a_book_is_refused(client: TestClient, body: str) -> None:
    before = client.get("/books").json()
    assert client.post("/books", content=body).status_code == 400
    assert client.get("/books").json() == before
