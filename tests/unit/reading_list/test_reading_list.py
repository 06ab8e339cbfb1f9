"""The sample upstream: its contract is valid and its operations do what it says."""

import pytest
import yaml
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from reading_list.app import create_app
from reading_list.books import MAX_BOOKS, Full, NewBook, Shelf

BOOK = {"title": "Momo", "author": "Michael Ende", "status": "to_read"}


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_app("http://127.0.0.1:9999"))


def test_the_contract_is_valid_and_names_this_server(client: TestClient) -> None:
    contract = yaml.safe_load(client.get("/openapi.yaml").text)
    validate(contract)
    assert contract["info"]["title"] == "Reading List API"
    assert contract["servers"][0]["url"] == "http://127.0.0.1:9999"
    operations = [operation for path in contract["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations if isinstance(operation, dict)]
    assert len(ids) == len(set(ids)) == 5


def test_a_book_is_added_read_changed_and_deleted(client: TestClient) -> None:
    before = len(client.get("/books").json())
    added = client.post("/books", json=BOOK)
    assert added.status_code == 201
    path = f"/books/{added.json()['id']}"
    assert client.get(path).json() == added.json()
    changed = client.put(path, json=BOOK | {"status": "read"})
    assert (changed.status_code, changed.json()["status"]) == (200, "read")
    assert len(client.get("/books").json()) == before + 1
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("body", [{}, {"title": ""}, BOOK | {"status": "lost"}, BOOK | {"pages": 3}])
def test_a_wrong_book_is_400(client: TestClient, body: dict[str, object]) -> None:
    assert client.post("/books", json=body).status_code == 400


def test_the_shelf_has_a_bound() -> None:
    shelf = Shelf()
    while len(shelf.all()) < MAX_BOOKS:
        shelf.add(NewBook(title="t", author="a"))
    with pytest.raises(Full):
        shelf.add(NewBook(title="one", author="too many"))
