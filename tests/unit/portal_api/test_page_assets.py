"""The committed bundle is what its sources make, and holds every class that a template uses."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WEB = ROOT / "services/portal-api/src/portal_api/web"
SOURCES = ROOT / "services/portal-api/web-assets"
STATIC = WEB / "static"
INPUTS = (
    "build.mjs", "icons.txt", "pack_scalar.py", "package.json", "portal.js", "tollway.css", "tollway.js",
    "utilities.txt",
)  # fmt: skip
_CLASSES = re.compile(r'\sclass="([^"]*)"')
_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_ICON = re.compile(r"""\bicon\(\s*["']([a-z0-9-]+)["']|icon_name=["']([a-z0-9-]+)["']""")


def templates() -> list[Path]:
    return sorted((WEB / "templates").rglob("*.html"))


def test_the_bundle_was_built_from_these_sources() -> None:
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update(name.encode() + b"\0" + (SOURCES / name).read_bytes() + b"\0")
    assert (STATIC / "built-from.txt").read_text().strip() == digest.hexdigest(), "run `make assets` and commit it"


def test_a_build_makes_what_is_committed(tmp_path: Path) -> None:
    """Only where somebody has installed the build's packages: Node is not needed to run or test anything else."""
    if shutil.which("node") is None or not (SOURCES / "node_modules" / "@tailwindcss").exists():
        pytest.skip("needs Node and `make assets`, which installs the build's packages")
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=SOURCES, check=True, capture_output=True, timeout=120)
    different = [path.name for path in tmp_path.iterdir() if path.read_bytes() != (STATIC / path.name).read_bytes()]
    assert not different


def test_every_class_of_a_template_is_in_the_style_sheet() -> None:
    sheet = (STATIC / "tollway.css").read_text()
    missing = set()
    for path in templates():
        for value in _CLASSES.findall(_CODE.sub(" ", path.read_text())):
            for name in value.split():
                selector = "." + re.sub(r"([^\w-])", r"\\\1", name)
                if not re.search(re.escape(selector) + r"(?![\w-])", sheet):
                    missing.add(f"{path.name}: {name}")
    assert not missing, "add it to web-assets/utilities.txt (or tollway.css) and run `make assets`"


def test_every_icon_of_a_template_is_built() -> None:
    icons = set(json.loads((STATIC / "icons.json").read_text()))
    used = {one or two for path in templates() for one, two in _ICON.findall(path.read_text())}
    assert used and not used - icons, "add it to web-assets/icons.txt and run `make assets`"


def test_templates_have_no_inline_script_and_no_inline_handler() -> None:
    """The pages' Content-Security-Policy would block them; nothing of another host either."""
    for path in templates():
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path.name
        assert not re.search(r"\son[a-z]+=", text), path.name
        assert not re.search(r"""(?:src|action)=["'](?:https?:)?//""", text), path.name
        assert not re.search(r"hx-on[:-]|javascript:", text), path.name


def test_the_first_view_stays_light() -> None:
    """Style sheet, script and both fonts, as they travel: under 150 KB with 30 KB left for the page."""
    packed = sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in ("tollway.css", "tollway.js"))
    fonts = sum((STATIC / name).stat().st_size for name in ("geist.woff2", "geist-mono.woff2"))
    assert packed + fonts < 120_000
