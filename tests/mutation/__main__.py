"""Run the tests of a module against each mutant of it; list those that no test notices.

A mutant lives in a forked process only: no file is touched, and what all tests import is imported once.
`docs/mutation-testing.md` names the survivors that change nothing, with why; others make the command fail.
"""

import argparse
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from inspect import signature
from pathlib import Path
from types import ModuleType

import aiokafka  # noqa: F401 - imported once, before the processes part
import fastapi  # noqa: F401
import httpx  # noqa: F401
import hypothesis
import msgspec  # noqa: F401
import pytest
import sqlmodel  # noqa: F401
from tests.mutation.mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
ACCEPTED = ROOT / "docs/mutation-testing.md"
EXAMPLES = 40  # of Hypothesis, for each law and mutant
TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Target:
    """A module, the tests that hold it, and the name of its table, if it is one."""

    module: str
    path: str
    tests: tuple[str, ...]
    table: str | None = None


TARGETS = (
    Target(
        "shared.rating",
        "shared/src/shared/rating.py",
        ("tests/unit/shared/test_rating_examples.py", "tests/property/shared/test_rating_laws.py"),
    ),
    Target(
        "shared.money",
        "shared/src/shared/money.py",
        ("tests/unit/shared/test_money.py", "tests/unit/shared/test_rating_examples.py"),
    ),
    Target(
        "subscriptions.domain.lifecycle",
        "services/subscriptions/src/subscriptions/domain/lifecycle.py",
        ("tests/unit/subscriptions/test_the_table_is_the_contract.py", "tests/unit/subscriptions"),
        "TABLE",
    ),
    Target(
        "portal_api.catalog.domain.release",
        "services/portal-api/src/portal_api/catalog/domain/release.py",
        ("tests/unit/portal_api/test_release_table.py", "tests/unit/portal_api/test_catalog_decisions.py"),
        "TRANSITIONS",
    ),
)


class Mutated(MetaPathFinder, SourceLoader):
    """Imports one module from a changed source."""

    def __init__(self, target: Target, source: str) -> None:
        self._target = target
        self._source = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Ours, or nobody's."""
        if fullname != self._target.module:
            return None
        return spec_from_loader(fullname, self, origin=self._target.path)

    def get_filename(self, fullname: str) -> str:
        """For tracebacks."""
        return str(ROOT / self._target.path)

    def get_data(self, path: str) -> bytes:
        """The changed source."""
        return self._source.encode()

    def path_stats(self, path: str) -> dict[str, float]:
        """No cached bytecode."""
        raise OSError


def test_in_this_process(target: Target, source: str) -> int:
    """Exit status of the tests: 0 = nothing was noticed."""
    sys.meta_path.insert(0, Mutated(target, source))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    hypothesis.settings.register_profile("mutation", max_examples=EXAMPLES, deadline=None, database=None)
    hypothesis.settings.load_profile("mutation")
    if notices(target.tests[0]):
        return 1
    # Without plugins, settings and fixtures: these tests need none, and starting is most of the work.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "-x", "-p", "no:cacheprovider", "--noconftest", "-c", os.devnull, f"--rootdir={ROOT}"]
    return int(pytest.main([*options, "--import-mode=importlib", *target.tests]))


def notices(path: str) -> bool:
    """Whether a test that takes nothing fails, called as it is: most mutants need no more, and no pytest."""
    module = import_module(path.removesuffix(".py").replace("/", "."))
    for name, test in vars(module).items():
        if name.startswith("test_") and not hasattr(test, "pytestmark") and not signature(test).parameters:
            try:
                test()
            except BaseException:
                return True
    return False


def started(target: Target, source: str) -> tuple[int, int]:
    """A child that tests: its pid, and a descriptor that becomes readable when it has ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            status = test_in_this_process(target, source)
        finally:
            os._exit(status)
    os.close(writing)
    return pid, reading


def outcomes(target: Target, mutants: Sequence[Mutant], at_once: int) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant and whether it survived. One that never ends is noticed."""
    waiting = list(reversed(mutants))
    running: dict[int, tuple[Mutant, int, float]] = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            mutant = waiting.pop()
            pid, done = started(target, mutant.source)
            running[done] = (mutant, pid, time.monotonic() + TIMEOUT_SECONDS)
        ready, _, _ = select.select(list(running), [], [], 1.0)
        late = [done for done, (_, _, deadline) in running.items() if time.monotonic() > deadline]
        for done in late:
            os.kill(running[done][1], signal.SIGKILL)
        for done in {*ready, *late}:
            mutant, pid, _ = running.pop(done)
            os.close(done)
            _, status = os.waitpid(pid, 0)
            yield mutant, status == 0


def examine(target: Target, at_once: int) -> Iterator[str]:
    """The changes that nothing noticed."""
    source = (ROOT / target.path).read_text()
    ((_, survived),) = outcomes(target, [Mutant(source, "nothing")], 1)
    if not survived:
        sys.exit(f"The tests of {target.module} fail without any change: {' '.join(target.tests)}")
    mutants = list(mutants_of(source, target.table))
    print(f"{target.module}: {len(mutants)} mutants", flush=True)
    for mutant, survived in outcomes(target, mutants, at_once):
        if survived:
            yield mutant.change


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="only these, for example shared.rating")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    os.chdir(ROOT)
    accepted = ACCEPTED.read_text() if ACCEPTED.exists() else ""
    unexplained = 0
    for target in TARGETS:
        if arguments.modules and target.module not in arguments.modules:
            continue
        for change in examine(target, arguments.at_once):
            known = f"`{change}`" in accepted
            unexplained += not known
            print(f"  survived{' (explained)' if known else ''}: `{change}`", flush=True)
    if unexplained:
        sys.exit(f"{unexplained} survivors are not explained in {ACCEPTED.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
