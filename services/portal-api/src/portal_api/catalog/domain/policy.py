"""Policies as they are attached: known, right in themselves, on operations that exist, each kind once for each."""

from collections.abc import Sequence

from shared.errors import DomainError
from shared.events.catalog import Operation, Policy
from shared.policies import read_policy

MAX_POLICIES = 100


def check_policies(policies: Sequence[Policy], operations: Sequence[Operation]) -> None:
    """Raises DomainError, which names the policy by its place in the list."""
    if len(policies) > MAX_POLICIES:
        raise _invalid("policies", f"At most {MAX_POLICIES} policies.")
    numbers = {operation.number for operation in operations}
    seen: set[tuple[str, int]] = set()
    for place, policy in enumerate(policies):
        field = f"policies.{place}"
        try:
            read_policy(policy.kind, policy.config)
        except ValueError as error:
            raise _invalid(f"{field}.config", str(error)) from None
        unknown = set(policy.operations) - numbers
        if unknown:
            raise _invalid(f"{field}.operations", f"Not deployed: {', '.join(map(str, sorted(unknown)))}.")
        if policy.kind == "cors" and policy.operations:
            raise _invalid(f"{field}.operations", "Preflights name no operation: `cors` is for the whole API.")
        for number in policy.operations or (0,):
            if (policy.kind, number) in seen:
                raise _invalid(
                    field, f"`{policy.kind}` is there twice" + (f" for operation {number}." if number else ".")
                )
            seen.add((policy.kind, number))


def _invalid(field: str, detail: str) -> DomainError:
    return DomainError("policy-invalid", 422, "The policy cannot be attached", detail, field)
