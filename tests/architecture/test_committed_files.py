"""What is committed works elsewhere: no address of a package registry, no path of somebody's machine."""

import os
import re
from urllib.parse import urlsplit

from tests.architecture.source_tree import ROOT, committed, relative

# In pieces, so that this file does not break its own rule.
_REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("repo", "maven", "apache", "org"),
        ("repo1", "maven", "org"),
        ("registry-1", "docker", "io"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
    )
]
_INDEX_VARIABLES = ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL")
_MACHINE_PATH = re.compile(r"(?<![\w.\-/}])/(?:" + "|".join(("work", "root", "Users")) + r")/[\w.\-]+/")
_READING_MATERIAL = re.compile(r"\.\./shared/(?:" + "|".join(("seed", "design", "reference", "prototypes")) + r")\b")


def _lines() -> list[tuple[str, str]]:
    found = []
    for path in committed():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # an image or another binary
        found += [(f"{relative(path)}:{number}", line) for number, line in enumerate(text.splitlines(), 1)]
    return found


def test_no_file_names_a_registry() -> None:
    indexes = [urlsplit(os.environ.get(name, "")).hostname for name in _INDEX_VARIABLES]
    hosts = [*_REGISTRIES, *(host for host in indexes if host)]
    assert not [where for where, line in _lines() if any(host in line for host in hosts)]


def test_no_file_names_a_path_of_a_machine() -> None:
    assert not [where for where, line in _lines() if _MACHINE_PATH.search(line)]


def test_no_file_leans_on_what_is_not_committed() -> None:
    assert not [where for where, line in _lines() if _READING_MATERIAL.search(line)]


def test_the_lock_pins_with_hashes_and_names_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text, "an index address or a file URL"
    assert not re.search(r"^-e ", text, re.MULTILINE), "a local package: name it in `make lock`"
    pins = [line for line in text.splitlines() if "==" in line and not line.lstrip().startswith("#")]
    blocks = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)
    unhashed = [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]
    assert pins and not unhashed
