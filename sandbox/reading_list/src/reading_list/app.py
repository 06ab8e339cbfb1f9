"""HTTP. `?delay_ms=` (at most 5000) makes any answer slow, to see what a gateway does with slow backends."""

import asyncio
from importlib import resources

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reading_list.books import Full, NewBook, Shelf

MAX_DELAY_MS = 5_000
MAX_BODY_BYTES = 65_536


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def _error(status: int, message: str) -> Response:
    return _json({"message": message}, status)


async def _delay(request: Request) -> None:
    text = request.query_params.get("delay_ms", "")
    if text.isdigit():
        await asyncio.sleep(min(int(text), MAX_DELAY_MS) / 1000)


async def _new_book(request: Request) -> NewBook | Response:
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        return _error(413, "the body is too large")
    try:
        return msgspec.json.decode(body, type=NewBook)
    except msgspec.MsgspecError as error:
        return _error(400, str(error))


def create_app(own_url: str) -> Starlette:
    """The API; `own_url` stands in its contract as the server."""
    shelf = Shelf()
    contract = resources.files("reading_list").joinpath("openapi.yaml").read_text()
    contract = contract.replace("http://127.0.0.1:8500", own_url)

    async def books(request: Request) -> Response:
        await _delay(request)
        if request.method == "GET":
            return _json(shelf.all())
        new = await _new_book(request)
        if isinstance(new, Response):
            return new
        try:
            return _json(shelf.add(new), 201)
        except Full:
            return _error(409, "the shelf is full")

    async def book(request: Request) -> Response:
        await _delay(request)
        book_id = request.path_params["id"]
        missing = _error(404, f"there is no book {book_id[:20]}")
        if request.method == "GET":
            found = shelf.get(book_id)
            return _json(found) if found else missing
        if request.method == "DELETE":
            return Response(status_code=204) if shelf.remove(book_id) else missing
        new = await _new_book(request)
        if isinstance(new, Response):
            return new
        replaced = shelf.replace(book_id, new)
        return _json(replaced) if replaced else missing

    async def openapi(_: Request) -> Response:
        return Response(contract, media_type="application/yaml")

    async def readyz(_: Request) -> Response:
        return _json({"status": "ready"})

    return Starlette(
        routes=[
            Route("/books", books, methods=["GET", "POST"]),
            Route("/books/{id}", book, methods=["GET", "PUT", "DELETE"]),
            Route("/openapi.yaml", openapi),
            Route("/readyz", readyz),
        ]
    )
