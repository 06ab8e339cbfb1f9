"""The base of all rows of this service."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Row(SQLModel, registry=registry()):
    """This service's own registry: table names are unique in a database, not in a process."""
