"""Files and functions fit on a screen, names say something, packages and protocols explain themselves."""

import ast
import re
from pathlib import Path

from tests.architecture.source_tree import relative, sources, tree

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
BANNED = {"utils", "util", "helpers", "helper", "common", "base", "misc"}


def test_files_are_short() -> None:
    counts = {relative(path): len(path.read_text().splitlines()) for path in sources()}
    assert not {name: count for name, count in counts.items() if count >= MAX_FILE_LINES}


def test_functions_fit_on_a_screen() -> None:
    long = {
        f"{relative(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 >= MAX_FUNCTION_LINES
    }
    assert not long


def test_no_module_is_named_for_nothing() -> None:
    bad = [relative(path) for path in sources() if BANNED & {path.stem, *_folders(path)}]
    assert not bad, "name it for what it does"


def test_module_names_are_lower_case_words() -> None:
    name = re.compile(r"(?:__)?[a-z][a-z0-9_]*(?:__)?")
    migration = re.compile(r"\d{4}_[a-z0-9_]+")
    bad = [
        relative(path)
        for path in sources()
        if not (migration if path.parent.name == "versions" else name).fullmatch(path.stem)
    ]
    assert not bad


def test_every_package_has_a_docstring() -> None:
    bare = [relative(path) for path in sources() if path.name == "__init__.py" and not ast.get_docstring(tree(path))]
    assert not bare


def test_every_protocol_has_a_docstring() -> None:
    bare = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and any(_last_name(base) == "Protocol" for base in node.bases)
        and not ast.get_docstring(node)
    ]
    assert not bare


def test_no_error_is_swallowed() -> None:
    """`except Exception: pass` hides the day on which it mattered."""
    silent = [
        f"{relative(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or _last_name(node.type) in {"Exception", "BaseException"})
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]
    assert not silent


def _folders(path: Path) -> set[str]:
    return set(Path(relative(path)).parent.parts)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
