"""The code as text and syntax trees: these checks import nothing of what they look at."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ("gateway", "subscriptions", "metering", "billing-sync", "portal-api")
STATEFUL = ("subscriptions", "metering", "billing-sync", "portal-api")
PORTAL_FEATURES = ("mail", "identity", "organizations", "audit", "catalog", "applications", "oauth", "billing")


def package_of(service: str) -> Path:
    """The import package of a service."""
    return ROOT / "services" / service / "src" / service.replace("-", "_")


@cache
def sources() -> tuple[Path, ...]:
    """Every Python file that ships: services, shared, sandbox and the local stack."""
    folders = ("services/*/src", "services/*/migrations", "shared/src", "sandbox", "deploy/local/src")
    found = {path for folder in folders for base in ROOT.glob(folder) for path in base.rglob("*.py")}
    return tuple(sorted(found))


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(), str(path))


def imported_modules(path: Path) -> Iterator[tuple[str, int]]:
    """Full names of what a file imports, with their lines; `from a import b` gives a.b, as b may be a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def relative(path: Path) -> str:
    """As a message shows it."""
    return path.relative_to(ROOT).as_posix()


@cache
def committed() -> tuple[Path, ...]:
    """Every file that is committed or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())
