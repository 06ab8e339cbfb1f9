"""The shelf."""

from typing import Annotated, Literal

import msgspec

MAX_BOOKS = 10_000
Status = Literal["to_read", "reading", "read"]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class NewBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller says of a book."""

    title: Text
    author: Text
    status: Status = "to_read"


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A book on the shelf."""

    id: str
    title: str
    author: str
    status: Status


class Full(Exception):
    """There are MAX_BOOKS books already."""


class Shelf:
    """Books in the order in which they were added."""

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}
        self._last = 0
        for title, author, status in (
            ("The Left Hand of Darkness", "Ursula K. Le Guin", "read"),
            ("Designing Data-Intensive Applications", "Martin Kleppmann", "reading"),
            ("Invisible Cities", "Italo Calvino", "to_read"),
        ):
            self.add(msgspec.convert({"title": title, "author": author, "status": status}, NewBook))

    def all(self) -> list[Book]:
        """Oldest first."""
        return list(self._books.values())

    def get(self, book_id: str) -> Book | None:
        """One book."""
        return self._books.get(book_id)

    def add(self, new: NewBook) -> Book:
        """Raises Full."""
        if len(self._books) >= MAX_BOOKS:
            raise Full
        self._last += 1
        book = Book(id=str(self._last), title=new.title, author=new.author, status=new.status)
        self._books[book.id] = book
        return book

    def replace(self, book_id: str, new: NewBook) -> Book | None:
        """None: there is no such book."""
        if book_id not in self._books:
            return None
        book = Book(id=book_id, title=new.title, author=new.author, status=new.status)
        self._books[book_id] = book
        return book

    def remove(self, book_id: str) -> bool:
        """False: there was no such book."""
        return self._books.pop(book_id, None) is not None
