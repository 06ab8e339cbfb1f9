"""What an OpenAPI document means to us: its operations and where they are served."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

MAX_OPERATIONS = 1_000
MAX_DOCUMENT_BYTES = 5 * 1024 * 1024
MAX_TAGS = 20
MAX_TAG_LENGTH = 50
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class FoundOperation:
    """One operation of a document."""

    method: str
    path_template: str
    operation_id: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A valid document, as far as we need it. `endpoint_url` None: it names no server that we can call."""

    openapi_version: str
    title: str
    version: str
    description: str
    endpoint_url: str | None
    operations: tuple[FoundOperation, ...]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContractFault:
    """One error in a document; lines and columns count from 1."""

    line: int
    column: int | None
    path: str
    message: str


def read_contract(document: Mapping[str, Any], source_url: str | None) -> Contract:
    """The contract in a document that is valid already."""
    info = document["info"]
    return Contract(
        openapi_version=str(document["openapi"]),
        title=str(info["title"]),
        version=str(info["version"]),
        description=str(info.get("description", "")),
        endpoint_url=endpoint_of(document, source_url),
        operations=tuple(operations_of(document)),
        tags=tags_of(document),
    )


def tags_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What the catalogue is filtered by: the declared tags, else those of the operations. Each once, bounded."""
    declared = [tag.get("name") for tag in document.get("tags") or () if isinstance(tag, Mapping)]
    used = [
        tag
        for item in (document.get("paths") or {}).values()
        if isinstance(item, Mapping)
        for method in METHODS
        if isinstance(item.get(method), Mapping)
        for tag in item[method].get("tags") or ()
    ]
    names = dict.fromkeys(str(name).strip() for name in declared or used)
    return tuple(name for name in names if 0 < len(name) <= MAX_TAG_LENGTH)[:MAX_TAGS]


def operations_of(document: Mapping[str, Any]) -> list[FoundOperation]:
    """Every method of every path, in the document's order."""
    found = []
    for path, item in (document.get("paths") or {}).items():
        if not path.startswith("/") or not isinstance(item, Mapping):
            continue  # an extension (x-...), not a path
        for method in METHODS:
            operation = item.get(method)
            if isinstance(operation, Mapping):
                name = operation.get("operationId") or default_operation_id(method, path)
                found.append(FoundOperation(method.upper(), path, str(name), str(operation.get("summary", ""))[:500]))
    return found


def default_operation_id(method: str, path: str) -> str:
    """A name for an operation without one: `get /books/{id}` -> `get_books_id`."""
    words = "".join(c if c.isalnum() else " " for c in path).split()
    return "_".join([method, *words])


def endpoint_of(document: Mapping[str, Any], source_url: str | None) -> str | None:
    """The first server's URL, its variables at their defaults, relative ones resolved against the document's own.

    A document without servers means `/` (OpenAPI 3.1, 4.8.1), which needs a source to be relative to.
    """
    servers = document.get("servers") or [{"url": "/"}]
    first = servers[0]
    url = str(first.get("url", "/"))
    for name, variable in (first.get("variables") or {}).items():
        url = url.replace("{" + str(name) + "}", str(variable.get("default", "")))
    if source_url is not None:
        url = urljoin(source_url, url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return url.rstrip("/")


def for_developers(document: Mapping[str, Any], *, gateway_url: str, sandbox_url: str | None) -> dict[str, Any]:
    """The contract as a caller needs it: our addresses, and our access token instead of what the backend asks for."""
    servers = [{"url": gateway_url, "description": "Production"}]
    if sandbox_url is not None:
        servers.append({"url": sandbox_url, "description": "Sandbox: recorded, never billed"})
    shown = {name: value for name, value in document.items() if name not in ("servers", "security")}
    components = dict(shown.get("components") or {})
    components["securitySchemes"] = {
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token of your application: Applications, Manage Keys, Generate.",
        }
    }
    paths = {path: _without_own_addresses(item) for path, item in (shown.get("paths") or {}).items()}
    return {**shown, "servers": servers, "security": [{"accessToken": []}], "components": components, "paths": paths}


def _without_own_addresses(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    kept = {name: value for name, value in item.items() if name != "servers"}
    for method in METHODS:
        if isinstance(kept.get(method), Mapping):
            kept[method] = {name: v for name, v in kept[method].items() if name not in ("servers", "security")}
    return kept
