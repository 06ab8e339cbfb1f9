"""Check nested string parameters against a schema and turn them into values, with Stripe's own refusals."""

import re
from typing import Any

from stripe_double.errors import StripeError, missing_parameter, refused_parameter, unknown_parameter
from stripe_double.request.schema import Schema

_INTEGER = re.compile(r"-?\d{1,19}")
_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,12})?")
# What the types cannot say: Stripe's limits on length.
MAX_LENGTHS = {"event_name": 100, "identifier": 100, "lookup_key": 200, "client_reference_id": 200, "email": 800}


def check(params: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """The parameters with integers, booleans and lists in place. Raises the first refusal."""
    value = _value(params, schema, "")
    assert isinstance(value, dict)
    return value


def _value(value: Any, schema: Schema, name: str) -> Any:
    if "anyOf" in schema:
        return _any_of(value, schema["anyOf"], name)
    if "enum" in schema:
        return _enum(value, schema["enum"], name)
    kind = schema["type"]
    if kind == "object":
        return _object(value, schema, name)
    if kind == "array":
        return _array(value, schema, name)
    if isinstance(value, dict | list):
        raise refused_parameter(f"Invalid {kind}: {name} is not a nested parameter.", name)
    return _scalar(value, schema, name)


def _any_of(value: Any, options: list[Schema], name: str) -> Any:
    first: StripeError | None = None
    # A nested value can only be one of the nested options: their refusals name the field at fault.
    nested = [option for option in options if option.get("type") in ("object", "array")]
    flat = [option for option in options if option not in nested]
    for option in (nested if isinstance(value, dict | list) else flat) or options:
        try:
            return _value(value, option, name)
        except StripeError as error:
            first = error if first is None or "must be one of" in str(first) else first
    assert first is not None
    raise first


def _enum(value: Any, values: list[Any], name: str) -> Any:
    for allowed in values:
        if value == str(allowed):
            return allowed
    listed = ", ".join(str(allowed) for allowed in values if allowed != "")
    raise refused_parameter(f"Invalid {name}: must be one of {listed}", name)


def _object(value: Any, schema: Schema, name: str) -> Any:
    if value == "" and schema.get("properties") is None:
        return {}
    if not isinstance(value, dict):
        raise refused_parameter("Invalid object", name)
    fields: dict[str, Schema] = schema.get("properties", {})
    additional = schema["additionalProperties"]
    checked = {}
    for key, part in value.items():
        path = f"{name}[{key}]" if name else key
        if key in fields:
            checked[key] = _value(part, fields[key], path)
        elif additional is not False:
            checked[key] = _value(part, additional, path)
        else:
            raise unknown_parameter(path)
    for key in schema.get("required", []):
        if key not in checked:
            raise missing_parameter(f"{name}[{key}]" if name else key)
    return checked


def _array(value: Any, schema: Schema, name: str) -> Any:
    if not isinstance(value, list):
        raise refused_parameter("Invalid array", name)
    return [_value(part, schema["items"], f"{name}[{index}]") for index, part in enumerate(value)]


def _scalar(value: str, schema: Schema, name: str) -> Any:
    kind = schema["type"]
    if kind == "integer":
        if not _INTEGER.fullmatch(value):
            raise refused_parameter(f"Invalid integer: {value}", name, "parameter_invalid_integer")
        return int(value)
    if kind == "boolean":
        if value not in ("true", "false"):
            raise refused_parameter(f"Invalid boolean: {value}", name)
        return value == "true"
    if schema.get("format") == "decimal" or kind == "number":
        if not _DECIMAL.fullmatch(value):
            message = f"Invalid decimal: {value}; must contain at maximum 12 decimal places."
            raise refused_parameter(message, name, "parameter_invalid_decimal")
        return value
    limit = MAX_LENGTHS.get(name.rpartition("[")[2].removesuffix("]"), 5000)
    if len(value) > limit:
        message = f"Invalid string: {value[:20]}...; must be at most {limit} characters"
        raise refused_parameter(message, name, "parameter_invalid_string_blank" if not value else None)
    return value
