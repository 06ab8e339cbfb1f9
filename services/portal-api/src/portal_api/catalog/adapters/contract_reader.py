"""OpenAPI documents, validated by openapi-spec-validator; every error with its line.

Documents come from strangers: their depth and the size that aliases expand them to are bounded before anything is built
of them, and no reference leads outside, so that nothing is fetched.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from jsonschema.exceptions import ValidationError
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from portal_api.catalog.adapters.references import circular_references, external_references
from portal_api.catalog.domain.contract import MAX_OPERATIONS, Contract, ContractFault, operations_of, read_contract
from shared.errors import DomainError

MAX_DEPTH = 100
MAX_NODES = 400_000
MAX_FAULTS = 50
_VERSION = re.compile(r"3\.[01]\.\d+(-.+)?")


class _Loader(yaml.CSafeLoader):
    """YAML's JSON subset: dates stay text, as OpenAPI's schemas expect."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class _OpenApi30(OpenAPIV30SpecValidator):
    """Without handlers for references to elsewhere: there is nothing that could fetch them."""

    resolver_handlers: dict[str, Any] = {}


class _OpenApi31(OpenAPIV31SpecValidator):
    """As above."""

    resolver_handlers: dict[str, Any] = {}


class _Refused(Exception):
    """Faults that end the reading."""

    def __init__(self, *faults: ContractFault) -> None:
        super().__init__(faults)
        self.faults = faults


class OpenApiReader:
    """The port `ContractReader`. One document at a time: a large one takes seconds of a core."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def read(self, document: str, source_url: str | None) -> Contract:
        """The contract, or a DomainError with every error."""
        async with self._one_at_a_time:
            try:
                return await asyncio.to_thread(read_document, document, source_url)
            except _Refused as refused:
                raise _invalid(refused.faults) from refused

    async def parse(self, document: str) -> Mapping[str, Any]:
        """Its bounds were checked when it was read."""
        parsed: Mapping[str, Any] = await asyncio.to_thread(yaml.load, document, _Loader)
        return parsed


def read_document(text: str, source_url: str | None) -> Contract:
    """Parse, bound, validate. Raises `_Refused`."""
    root = _compose(text)
    document = _construct(root)
    if not isinstance(document, dict):
        raise _Refused(_fault(root, (), "This is not an OpenAPI document: an object is expected at the top."))
    version = document.get("openapi")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise _Refused(
            _fault(root, ("openapi",), "Only OpenAPI 3.0 and 3.1 are supported: say `openapi: 3.0.3` or `3.1.0`.")
        )
    external = [_fault(root, path, _EXTERNAL.format(ref[:200])) for path, ref in external_references(document)]
    circles = [_fault(root, path, _CIRCLE.format(ref[:200])) for path, ref in circular_references(document)]
    if external or circles:
        raise _Refused(*[*external, *circles][:MAX_FAULTS])
    # Before the schema is checked, which takes seconds for so many.
    if isinstance(document.get("paths"), dict) and len(operations_of(document)) > MAX_OPERATIONS:
        raise _too_many(root, len(operations_of(document)))
    faults = _validate(document, root, _OpenApi30 if version.startswith("3.0") else _OpenApi31)
    if faults:
        raise _Refused(*faults)
    operations = operations_of(document)
    if not operations:
        raise _too_many(root, 0)
    return read_contract(document, source_url)


def _too_many(root: yaml.Node, count: int) -> _Refused:
    return _Refused(_fault(root, ("paths",), f"It has {count} operations; 1 to {MAX_OPERATIONS} are possible."))


_CIRCLE = "The reference `{}` leads back to itself, in a circle: it never comes to a definition."
_EXTERNAL = "The reference `{}` leads outside the document. Bundle the contract into one file."


def _compose(text: str) -> yaml.Node:
    """The tree of nodes with their places. Events first: composing is recursive, events are not."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    line = event.start_mark.line + 1 if event.start_mark else 1
                    raise _Refused(ContractFault(line, None, "", f"Nested deeper than {MAX_DEPTH} levels."))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        line, column = (place.line + 1, place.column + 1) if place else (1, None)
        message = f"Neither YAML nor JSON: {error.problem or error.context or 'cannot be parsed'}."
        raise _Refused(ContractFault(line, column, "", message)) from error
    except yaml.YAMLError as error:
        raise _Refused(ContractFault(1, None, "", "It contains characters that YAML does not allow.")) from error
    if root is None:
        raise _Refused(ContractFault(1, None, "", "The document is empty."))
    if _expanded_size(root, {}, frozenset()) > MAX_NODES:
        raise _Refused(ContractFault(1, None, "", f"It has more than {MAX_NODES} values, aliases expanded."))
    return root


def _expanded_size(node: yaml.Node, known: dict[int, int], above: frozenset[int]) -> int:
    """How many nodes it has when every alias is written out; one that contains itself has no end."""
    if id(node) in above:
        mark = node.start_mark
        message = "An alias refers to what contains it."
        raise _Refused(ContractFault(mark.line + 1, mark.column + 1, "", message))
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        inside = above | {id(node)}
        children = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_expanded_size(child, known, inside) for child in children)
    return known[id(node)]


def _construct(root: yaml.Node) -> Any:
    loader = _Loader("")
    try:
        return _with_text_keys(loader.construct_document(root))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, None)
        raise _Refused(ContractFault(line, column, "", f"Cannot be read: {error.problem}.")) from error
    except (ValueError, TypeError) as error:
        raise _Refused(ContractFault(1, None, "", "A value cannot be read.")) from error
    finally:
        loader.dispose()


def _with_text_keys(value: Any) -> Any:
    """`200:` is a number in YAML and a name in OpenAPI."""
    if isinstance(value, dict):
        return {_key(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    return value


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _validate(document: dict[str, Any], root: yaml.Node, kind: type[Any]) -> list[ContractFault]:
    """Schema errors, and only if there are none those of meaning: the latter's checks expect a valid form.

    The library's own `iter_errors` is wrapped in a cache that would keep every document for ever.
    """
    validator = kind(document)
    faults: list[ContractFault] = []
    try:
        for error in validator.schema_validator.iter_errors(document):
            faults.append(_fault_of(root, error))
            if len(faults) >= MAX_FAULTS:
                break
        if not faults:
            for error in validator.root_validator(validator.schema_path):
                faults.append(_fault_of(root, error))
                if len(faults) >= MAX_FAULTS:
                    break
    except Exception as error:  # the library fails in many ways on references that lead nowhere
        message = f"A reference or value cannot be resolved: {str(error)[:200]}"
        faults.append(ContractFault(1, None, "", message))
    return sorted(set(faults), key=lambda fault: (fault.line, fault.column or 0))


def _fault_of(root: yaml.Node, error: ValidationError) -> ContractFault:
    deepest = error
    while deepest.context:
        # Of the alternatives of an anyOf the one that got furthest is what its author meant.
        deepest = max(deepest.context, key=lambda one: len(one.absolute_path))
    # The library's own words end in a copy of the schema and of the document, which help nobody.
    message = str(deepest.message).partition("\n")[0].partition(" Failed validating ")[0]
    return _fault(root, tuple(deepest.absolute_path), message[:500])


def _fault(root: yaml.Node, path: Sequence[str | int], message: str) -> ContractFault:
    """The fault at the deepest part of `path` that exists."""
    node = root
    for part in path:
        following = _child(node, part)
        if following is None:
            break
        node = following
    place = "/".join(("", *(str(part).replace("~", "~0").replace("/", "~1") for part in path)))
    return ContractFault(node.start_mark.line + 1, node.start_mark.column + 1, place, message)


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if str(key.value) == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def _invalid(faults: Sequence[ContractFault]) -> DomainError:
    first = faults[0]
    more = f" There are {len(faults)} errors in all." if len(faults) > 1 else ""
    return DomainError(
        "contract-invalid",
        422,
        "The contract is not a valid OpenAPI document",
        f"Line {first.line}: {first.message}{more}",
        "openapi",
        errors=[
            {"line": fault.line, "column": fault.column, "path": fault.path, "message": fault.message}
            for fault in faults
        ],
    )
