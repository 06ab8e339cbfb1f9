"""Compiles the hot modules of the gateway: each that has a `.pxd` beside it. Without a C compiler it stays pure Python.

hatchling calls this for wheels and editable installs; `python services/gateway/hatch_build.py` compiles in place what
has changed. The stamp names the sources that were compiled: other sources, and the package runs as Python again.
"""

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HERE = Path(__file__).resolve().parent
_PACKAGE = _HERE / "src" / "gateway"
_FLAGS = ["-O2", "-g0"]
_DIRECTIVES = {"language_level": 3, "annotation_typing": False, "binding": False, "initializedcheck": False}


def _say(text: str) -> None:
    sys.stderr.write(f"gateway: {text}\n")


def _is_current() -> bool:
    return bool(runpy.run_path(str(_PACKAGE / "__init__.py"))["FORM"] == "compiled")


def _clean() -> None:
    for pattern in ("*.so", "*.pyd"):
        for path in _PACKAGE.rglob(pattern):
            path.unlink()
    (_PACKAGE / "compiled.stamp").unlink(missing_ok=True)


def compile_in_place() -> bool:
    """False, with the reason on standard error, where it stays pure Python."""
    if os.environ.get("TOLLWAY_PURE_PYTHON"):
        return False
    if _is_current():
        return True
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(os.environ.get("CC", compiler)) is None:
        _say("no C compiler here, so it runs as pure Python: correct, and slower")
        return False
    try:
        _build()
    except Exception as error:
        _clean()
        _say(f"could not be compiled, so it runs as pure Python: correct, and slower ({error})")
        return False
    return True


def _build() -> None:
    # In a process of its own: setuptools reads the command line and the working folder.
    (_PACKAGE / "compiled.stamp").unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, __file__, "--build"], cwd=_HERE / "src", capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2_000:])
    stamp = runpy.run_path(str(_PACKAGE / "__init__.py"))["fingerprint_of_sources"]()
    (_PACKAGE / "compiled.stamp").write_text(stamp)


def _build_here() -> None:
    from Cython.Build import cythonize
    from setuptools import Extension, setup

    sources = [
        path.with_suffix(".pyx") if path.with_suffix(".pyx").exists() else path.with_suffix(".py")
        for path in sorted(Path("gateway").rglob("*.pxd"))
    ]
    extensions = [
        Extension(".".join(path.with_suffix("").parts), [str(path)], extra_compile_args=_FLAGS) for path in sources
    ]
    build = _HERE / "build"
    jobs = os.cpu_count() or 1
    modules = cythonize(
        extensions, build_dir=str(build / "c"), compiler_directives=_DIRECTIVES, nthreads=jobs, quiet=True
    )
    library = build / "lib"
    arguments = ["-q", "build_ext", f"-j{jobs}", "--build-temp", str(build / "objects"), "--build-lib", str(library)]
    setup(name="gateway-hot-path", ext_modules=modules, script_args=arguments)
    for path in library.rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}"):
        # Replaced as a whole: a running process keeps the file that it has mapped.
        place = _HERE / "src" / path.relative_to(library)
        shutil.copy2(path, place.with_suffix(".new"))
        place.with_suffix(".new").replace(place)


class CompileHook(BuildHookInterface[Any]):
    """hatchling's hook `custom`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are gathered; a wheel that holds machine code says for which machine."""
        if compile_in_place() and version != "editable":
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"] += ["src/gateway/**/*.so", "src/gateway/compiled.stamp"]


if __name__ == "__main__":
    if sys.argv[1:] == ["--build"]:
        _build_here()
    else:
        compile_in_place()
