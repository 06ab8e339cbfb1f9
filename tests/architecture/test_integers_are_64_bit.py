"""Every integer column is a bigint: 21 million rupiah are 2.1 billion minor units, call numbers are unsigned 32 bit.

SQLModel makes `int` an INTEGER, and the driver then refuses a larger value even where the table has room for it.
"""

import importlib

import pytest
from sqlalchemy import BigInteger, Integer

FEATURES = ("mail", "identity", "organizations", "audit", "catalog", "applications", "oauth", "billing")
MODULES = [
    *(f"{service}.adapters.tables" for service in ("billing_sync", "metering", "subscriptions")),
    *(f"portal_api.{feature}.adapters.tables" for feature in FEATURES),
]
# Counts that the schema itself bounds.
SMALL = {"streams.partition"}


@pytest.mark.parametrize("name", MODULES)
def test_no_row_binds_32_bits(name: str) -> None:
    module = importlib.import_module(name)
    tables = [row.__table__ for row in vars(module).values() if hasattr(row, "__table__")]
    assert tables
    narrow = [
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if isinstance(column.type, Integer) and not isinstance(column.type, BigInteger)
    ]
    assert not set(narrow) - SMALL
