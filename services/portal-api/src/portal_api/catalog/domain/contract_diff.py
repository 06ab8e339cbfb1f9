"""What importing a contract again would change: decided by method and path, which is what callers see."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal_api.catalog.domain.api import ContractOperation
from portal_api.catalog.domain.contract import FoundOperation


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractDifference:
    """Operations as `GET /books`. `endpoint` is (before, after), None where it stays."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    endpoint: tuple[str | None, str | None] | None


def compare_contracts(
    before: Sequence[ContractOperation],
    after: Sequence[FoundOperation],
    endpoints: tuple[str | None, str | None],
) -> ContractDifference:
    """`changed`: name or summary differ."""
    old = {(one.method, one.path_template): one for one in before}
    new = {(one.method, one.path_template): one for one in after}
    both = [key for key in new if key in old]
    changed = [
        key for key in both if (old[key].operation_id, old[key].summary) != (new[key].operation_id, new[key].summary)
    ]
    return ContractDifference(
        added=tuple(" ".join(key) for key in new if key not in old),
        removed=tuple(" ".join(key) for key in old if key not in new),
        changed=tuple(" ".join(key) for key in changed),
        unchanged=len(both) - len(changed),
        endpoint=endpoints if endpoints[0] != endpoints[1] else None,
    )


def renumbered(
    before: Sequence[ContractOperation], after: Sequence[FoundOperation], fresh: Sequence[int]
) -> list[ContractOperation]:
    """The new operations: known ones keep the number that call records carry, new ones take a fresh one each."""
    known = {(one.method, one.path_template): one.number for one in before}
    numbers = iter(fresh)
    return [
        ContractOperation(
            number=known[one.method, one.path_template] if (one.method, one.path_template) in known else next(numbers),
            method=one.method,
            path_template=one.path_template,
            operation_id=one.operation_id,
            summary=one.summary,
        )
        for one in after
    ]
