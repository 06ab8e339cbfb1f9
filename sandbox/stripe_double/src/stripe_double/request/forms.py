"""Stripe's bracket notation: `items[0][price]=p&metadata[k]=v` to nested dicts and lists, and back."""

import json
from typing import Any
from urllib.parse import parse_qsl

from stripe_double.errors import StripeError

Nested = dict[str, Any]


def _path(key: str) -> list[str]:
    head, bracket, rest = key.partition("[")
    return [head] if not bracket else [head, *rest.removesuffix("]").split("][")]


def _listed(node: Any) -> Any:
    """Dicts whose keys are 0..n-1 become lists, from the leaves up."""
    if not isinstance(node, dict):
        return node
    values = {key: _listed(value) for key, value in node.items()}
    if values and all(key.isdigit() for key in values):
        return [values[key] for key in sorted(values, key=int)]
    return values


def parse_form(text: str) -> Nested:
    """Nested parameters of a form body or a query string. Leaves stay strings."""
    root: Nested = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        path = _path(key)
        node: Nested = root
        for position, part in enumerate(path):
            name = part if part else str(len(node))
            if position == len(path) - 1:
                if isinstance(node.get(name), dict):
                    raise StripeError(400, f"Invalid parameter: {key} is given twice.", param=path[0], stored=False)
                node[name] = value
                continue
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise StripeError(400, f"Invalid parameter: {key} is given twice.", param=path[0], stored=False)
    # Only nested levels are lists: a top-level parameter named "0" would be unknown anyway.
    return {key: _listed(value) for key, value in root.items()}


def fingerprint(method: str, path: str, params: Nested) -> str:
    """What an Idempotency-Key stands for: the endpoint and its parameters."""
    return f"{method} {path} {json.dumps(params, sort_keys=True)}"
