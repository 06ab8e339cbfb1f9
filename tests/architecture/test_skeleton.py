"""One skeleton for all services: a newcomer who knows one finds the way in all."""

from pathlib import Path

import pytest
from tests.architecture.source_tree import PORTAL_FEATURES, ROOT, SERVICES, STATEFUL, package_of, relative

ROOT_FILES = {"__init__.py", "metrics.py", "settings.py", "main.py"}
LAYERS = {"domain", "adapters", "entrypoints"}
# Command line tools at a service's root, beside main.
OPTIONAL_FILES = {"republish.py", "ports.py", "use_cases.py", "py.typed", "ticks.py", "ticks.pyx"}


# What the gateway's build leaves behind, and the C types that stand beside a module (docs/decisions/0020).
BUILT = {".so", ".pyd", ".stamp"}


def entries(folder: Path) -> set[str]:
    return {
        path.name
        for path in folder.iterdir()
        if path.name != "__pycache__"
        and path.suffix not in BUILT
        and not (path.suffix == ".pxd" and path.with_suffix(".py").exists())
    }


def has_use_cases(folder: Path) -> bool:
    """A module, or a folder of verb_noun.py once it grew; not both."""
    return (folder / "use_cases.py").is_file() != (folder / "use_cases" / "__init__.py").is_file()


def test_the_services_are_these_five() -> None:
    assert {path.name for path in (ROOT / "services").iterdir() if path.is_dir()} == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_service_root(service: str) -> None:
    present = entries(ROOT / "services" / service)
    assert {"README.md", "pyproject.toml", "src"} <= present
    assert ("migrations" in present) == (service in STATEFUL)
    assert entries(package_of(service).parent) - {f"{service.replace('-', '_')}.egg-info"} == {
        service.replace("-", "_")
    }, "one import package, named as the service"


@pytest.mark.parametrize("service", STATEFUL)
def test_migrations_are_numbered_without_gaps(service: str) -> None:
    versions = sorted(path.name for path in (ROOT / "services" / service / "migrations/versions").glob("*.py"))
    assert (ROOT / "services" / service / "migrations/env.py").is_file()
    assert [name[:5] for name in versions] == [f"{number:04}_" for number in range(1, len(versions) + 1)]
    assert versions


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "portal-api"])
def test_service_package(service: str) -> None:
    package = package_of(service)
    present = entries(package)
    assert present >= ROOT_FILES | LAYERS | {"ports.py"}
    assert has_use_cases(package)
    surplus = present - ROOT_FILES - LAYERS - OPTIONAL_FILES - {"use_cases"}
    assert not surplus, f"no place in the skeleton for {sorted(surplus)}"


def test_portal_api_grows_by_features() -> None:
    package = package_of("portal-api")
    present = entries(package)
    assert present >= ROOT_FILES | set(PORTAL_FEATURES)
    surplus = (
        present
        - ROOT_FILES
        - set(PORTAL_FEATURES)
        - {"composition", "web", "http", "storage", "republish.py", "py.typed"}
    )
    assert not surplus, f"no place in the skeleton for {sorted(surplus)}"


@pytest.mark.parametrize("feature", PORTAL_FEATURES)
def test_portal_api_feature(feature: str) -> None:
    folder = package_of("portal-api") / feature
    present = entries(folder)
    assert present >= LAYERS | {"__init__.py", "ports.py"}
    assert has_use_cases(folder)
    assert not present - LAYERS - {"__init__.py", "ports.py", "use_cases.py", "use_cases"}


def test_every_layer_is_a_package() -> None:
    missing = [
        relative(folder)
        for service in SERVICES
        for folder in package_of(service).rglob("*")
        if folder.is_dir() and any(folder.glob("*.py")) and not (folder / "__init__.py").is_file()
    ]
    assert not missing


@pytest.mark.parametrize("service", SERVICES)
def test_readme_says_what_it_owns_and_what_not(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text().lower()
    assert "owns" in text and "does not own" in text
