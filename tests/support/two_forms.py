"""The gateway's modules in their Python form, beside those that are compiled."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import gateway

FOLDER = Path(gateway.__file__).parent


def as_python(name: str) -> ModuleType:
    """A module of the gateway from its source, whatever form the others have."""
    path = FOLDER / f"{name.replace('.', '/')}.py"
    alias = f"pure_{path.stem}"
    spec = spec_from_loader(alias, SourceFileLoader(alias, str(path)))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
