"""Strict JSON Schema from the SDK's own parameter types (`stripe.params.*`), exact for the pinned API version.

Request options (api_key, idempotency_key, ...) are dropped, `Literal[...] | str` is closed to the literals,
nothing additional is allowed.
"""

import functools
import importlib
import types
import typing
from decimal import Decimal
from typing import Any

import typing_extensions
from stripe import _request_options

Schema = dict[str, Any]

_OPTIONS = frozenset(_request_options.RequestOptions.__annotations__)
_WRAPPERS = (typing.NotRequired, typing.Required, typing_extensions.NotRequired, typing_extensions.Required)
_LITERALS = (typing.Literal, typing_extensions.Literal)
_SCALARS: dict[object, Schema] = {
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    # What str(Decimal) would write as 1E-7 is refused by Stripe too.
    Decimal: {"type": "string", "format": "decimal"},
    str: {"type": "string"},
}


@functools.cache
def schema_for(class_path: str) -> Schema:
    """The schema of e.g. `_price_create_params.PriceCreateParams` below `stripe.params`."""
    module_name, _, class_name = class_path.rpartition(".")
    module = importlib.import_module(f"stripe.params.{module_name}")
    return _object(getattr(module, class_name))


def _object(cls: type) -> Schema:
    # The SDK imports StripeContext for type checkers only; it is a request option, which we drop.
    own = vars(importlib.import_module(cls.__module__))
    names = {**vars(_request_options), "StripeContext": object, **own}
    hints = typing.get_type_hints(cls, names, include_extras=True)
    fields = {name: _schema(hint) for name, hint in hints.items() if name not in _OPTIONS}
    required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())
    return {
        "type": "object",
        "properties": fields,
        "required": sorted(required & fields.keys()),
        "additionalProperties": False,
    }


def _schema(hint: Any) -> Schema:
    origin = typing.get_origin(hint)
    if origin in _WRAPPERS:
        return _schema(typing.get_args(hint)[0])
    if origin in _LITERALS:
        return {"enum": list(typing.get_args(hint))}
    if origin in (typing.Union, types.UnionType):
        return _union([_schema(part) for part in typing.get_args(hint) if "UntypedStripeObject" not in str(part)])
    if origin is list:
        return {"type": "array", "items": _schema(typing.get_args(hint)[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(typing.get_args(hint)[1])}
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, type) and hasattr(hint, "__required_keys__"):
        return _object(hint)
    return {"type": "string"}


def _union(parts: list[Schema]) -> Schema:
    enums = [part for part in parts if "enum" in part]
    values = [value for part in enums for value in part["enum"]]
    rest = [part for part in parts if "enum" not in part]
    if any(value != "" for value in values):
        # `Literal['a', 'b'] | str` is the SDK's way of saying "an enum that may grow": in one version it is closed.
        rest = [part for part in rest if part != {"type": "string"}]
    parts = ([{"enum": values}] if enums else []) + rest
    return parts[0] if len(parts) == 1 else {"anyOf": parts}
