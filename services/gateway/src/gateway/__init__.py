"""Tollway's data plane. The hot modules exist compiled where a C compiler was; `FORM` says which form runs.

The compiled form is used only if it was made of exactly these sources: an edited file never runs beside machine code
of what it was before. TOLLWAY_PURE_PYTHON=1 chooses the pure form.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

_FOLDER = Path(__file__).parent


def fingerprint_of_sources() -> str:
    """What the compiled form must have been made of, and for which Python."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(path for pattern in ("*.py", "*.pxd", "*.pyx") for path in _FOLDER.rglob(pattern)):
        digest.update(path.relative_to(_FOLDER).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _is_compiled() -> bool:
    stamp = _FOLDER / "compiled.stamp"
    return stamp.exists() and stamp.read_text() == fingerprint_of_sources()


class _SourceFinder:
    """Finds this package's modules as Python, whatever lies beside them."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """importlib's protocol."""
        if path is None or not name.startswith(f"{__name__}."):
            return None
        found = (FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name) for folder in path)
        return next((spec for spec in found if spec is not None), None)


FORM = "compiled" if not os.environ.get("TOLLWAY_PURE_PYTHON") and _is_compiled() else "pure"
if FORM == "pure":
    sys.meta_path.insert(0, _SourceFinder)
