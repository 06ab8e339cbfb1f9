"""shared is contracts and plumbing. It grows by decision, not by convenience."""

from collections import defaultdict
from functools import cache
from pathlib import Path

from tests.architecture.source_tree import ROOT, SERVICES, imported_modules, package_of, relative

SHARED = ROOT / "shared/src/shared"
# Lines outside of events/ (contracts are data). Raised only together with a record in docs/decisions/.
LINE_BUDGET = 2600

# Modules that fewer than two services use, and why they are shared all the same.
EXCEPTIONS = {
    "shared.rating": "the one business rule in shared: plan editor, estimates and caps must agree with one another",
    "shared.events.schemas": "writes the committed JSON schemas of all events",
    "shared.messaging.dead_letter": "a command line tool for every consumer's dead letters",
    "shared.messaging.topics_admin": "creates all topics: run by the stack and by tests",
    "shared.db.alembic_env": "called by the migrations of every stateful service, which are not in its package",
    "shared.db.messaging_tables": "as above",
}


@cache
def modules() -> dict[str, Path]:
    """Every module of shared by its name; packages only re-export nothing, so their __init__ does not count."""
    return {
        ".".join(("shared", *path.relative_to(SHARED).with_suffix("").parts)): path
        for path in SHARED.rglob("*.py")
        if path.name != "__init__.py"
    }


def uses(path: Path) -> set[str]:
    """Modules of shared that a file imports directly."""
    found = set()
    for name, _ in imported_modules(path):
        candidates = (name, name.rpartition(".")[0])
        found |= {candidate for candidate in candidates if candidate in modules()}
    return found


def with_indirect(direct: set[str]) -> set[str]:
    """And those that they need themselves."""
    reached: set[str] = set()
    todo = list(direct)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend(uses(modules()[name]))
    return reached


def test_shared_stays_within_its_line_budget() -> None:
    lines = sum(len(path.read_text().splitlines()) for path in SHARED.rglob("*.py") if "events" not in path.parts)
    assert lines <= LINE_BUDGET, "move it to the service that needs it, or write a decision record and raise the budget"


def test_every_shared_module_serves_two_services() -> None:
    users: dict[str, set[str]] = defaultdict(set)
    for service in SERVICES:
        direct: set[str] = set()
        for path in package_of(service).rglob("*.py"):
            direct |= uses(path)
        for name in with_indirect(direct):
            users[name].add(service)
    lonely = {name: sorted(users[name]) for name in modules() if len(users[name]) < 2 and name not in EXCEPTIONS}
    assert not lonely, "it belongs to the one service that uses it"


def test_exceptions_are_still_there() -> None:
    assert set(EXCEPTIONS) <= set(modules())


def test_shared_imports_no_service() -> None:
    services = {service.replace("-", "_") for service in SERVICES}
    wrong = [
        f"{relative(path)}:{line} {name}"
        for path in SHARED.rglob("*.py")
        for name, line in imported_modules(path)
        if name.split(".")[0] in services
    ]
    assert not wrong
