"""What an operation of the API is, and how a request finds its own."""

import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import Any

from stripe_double.errors import no_such_route
from stripe_double.store import Object

LIST = "limit starting_after ending_before expand"


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint: its parameter type in the SDK, and which of the parameters this double models."""

    method: str
    path: str
    params: str
    run: Callable[..., Object]
    modelled: str = ""
    publishable: bool = False

    def models(self, name: str) -> bool:
        """Whether a top-level parameter is heeded."""
        return name == "expand" or name in self.modelled.split()


class Router:
    """Method and path to an operation and the ids in the path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        # Fixed paths come before those with an id in the same place (/v1/invoices/create_preview).
        ordered = sorted(operations, key=lambda operation: operation.path.replace("{", "~"))
        self._routes = [(re.compile(re.sub(r"\{\w+\}", r"([^/]+)", op.path)), op) for op in ordered]

    def find(self, method: str, path: str) -> tuple[Operation, tuple[str, ...]]:
        """The operation, else Stripe's 404."""
        for pattern, operation in self._routes:
            match = pattern.fullmatch(path)
            if match and operation.method == method:
                return operation, match.groups()
        raise no_such_route(method, path)


def within(value: int, wanted: Any) -> bool:
    """Stripe's time filters: an exact second, or gt, gte, lt, lte."""
    if wanted is None:
        return True
    if not isinstance(wanted, dict):
        return value == int(wanted)
    checks = {
        "gt": lambda bound: value > bound,
        "gte": lambda bound: value >= bound,
        "lt": lambda bound: value < bound,
        "lte": lambda bound: value <= bound,
    }
    return all(checks[name](int(bound)) for name, bound in wanted.items())
