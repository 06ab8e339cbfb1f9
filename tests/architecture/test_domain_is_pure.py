"""The heart of each service is values in, a decision out: no framework, no driver, no clock, no chance."""

import sys
from pathlib import Path

import pytest
from tests.architecture.source_tree import SERVICES, imported_modules, package_of, relative

# Parts of the standard library that reach out of the process, wait, or draw lots.
IMPURE = {
    "os", "asyncio", "socket", "random", "secrets", "subprocess", "threading", "multiprocessing", "sqlite3", "ssl",
    "http", "signal", "select", "selectors", "tempfile", "shutil", "time",
}  # fmt: skip
SHARED_VALUES = (
    "shared.events",
    "shared.money",
    "shared.rating",
    "shared.errors",
    "shared.policies",
    "shared.policy_kind",
    "shared.addresses",
)
# (package, import) -> why it is a value all the same.
EXCEPTIONS = {
    ("metering", "numpy"): "call records are an array: a batch is decided at once",
    ("gateway", "msgspec"): "access entries are read as structs on the hot path",
}


def _domain_files(package: Path) -> list[Path]:
    return [path for path in package.rglob("*.py") if "domain" in path.relative_to(package).parts]


def _is_pure(name: str, package: str) -> bool:
    top = name.split(".", maxsplit=1)[0]
    if top in sys.stdlib_module_names:
        return top not in IMPURE
    if top == "shared":
        return name.startswith(SHARED_VALUES)
    if top == package:
        return "domain" in name.split(".")[1:3]
    return (package, top) in EXCEPTIONS


@pytest.mark.parametrize("service", SERVICES)
def test_domain_imports_only_values(service: str) -> None:
    package = package_of(service)
    files = _domain_files(package)
    assert len(files) > 1
    impure = [
        f"{relative(path)}:{line} {name}"
        for path in files
        for name, line in imported_modules(path)
        if not _is_pure(name, package.name)
    ]
    assert not impure


def test_stripe_is_spoken_in_one_place() -> None:
    """Only billing-sync's adapters know the SDK: its errors become ours there."""
    allowed = package_of("billing-sync") / "adapters"
    wrong = [
        f"{relative(path)}:{line}"
        for service in SERVICES
        for path in package_of(service).rglob("*.py")
        for name, line in imported_modules(path)
        if name.split(".")[0] == "stripe" and allowed not in path.parents
    ]
    assert not wrong


def test_services_do_not_know_the_sandbox() -> None:
    wrong = [
        f"{relative(path)}:{line} {name}"
        for service in SERVICES
        for path in package_of(service).rglob("*.py")
        for name, line in imported_modules(path)
        if name.split(".")[0]
        in {"stripe_double", "reading_list", "sandbox_mailbox", "journey", "sandbox", "local_stack"}
    ]
    assert not wrong
