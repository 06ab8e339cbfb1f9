"""The policies of one operation, compiled when the deployment comes: calls of operations without any pay nothing."""

import itertools
from collections.abc import Sequence

from gateway.domain.cross_origin import CrossOriginRule
from shared.events.catalog import Deployment, Policy
from shared.policies import Cors, MockResponse, ResponseCaching, read_policy
from shared.policy_kind import PolicyCall, PolicyKind

_UNSAFE = frozenset(("POST", "PUT", "PATCH", "DELETE"))
_generations = itertools.count(1)


class PolicyChain:
    """Policies in their order, by what they do."""

    __slots__ = ("_guards", "_responders", "_shapers", "_units", "cache", "generation", "mock")

    def __init__(self, policies: Sequence[PolicyKind], generation: int = 0) -> None:
        self.generation = generation  # differs after each change of the API: what was cached before is not found again

        def doing(method: str) -> list[PolicyKind]:
            return [one for one in policies if getattr(type(one), method) is not getattr(PolicyKind, method)]

        self._guards = doing("refuse")
        self._shapers = doing("shape")
        self._responders = doing("shape_response")
        self._units = doing("units")
        self.mock = next((one for one in policies if isinstance(one, MockResponse)), None)
        self.cache = next((one for one in policies if isinstance(one, ResponseCaching)), None)

    def refuse(self, call: PolicyCall) -> str:
        """The first reason not to let the call go on; empty when there is none."""
        for policy in self._guards:
            problem = policy.refuse(call)
            if problem:
                return problem
        return ""

    def shape(self, call: PolicyCall) -> None:
        """Change the request."""
        for policy in self._shapers:
            policy.shape(call)

    def shape_response(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Change the response's header lines."""
        for policy in self._responders:
            lines = policy.shape_response(lines)
        return lines

    def units(self, lines: Sequence[bytes]) -> int | None:
        """What the call counts for, if the response says so."""
        for policy in self._units:
            units = policy.units(lines)
            if units is not None:
                return units
        return None


def chains_of(deployment: Deployment) -> dict[int, PolicyChain]:
    """The chain of each operation that has one, by the operation's number."""
    if not deployment.policies:
        return {}
    read = [(one, read_policy(one.kind, one.config)) for one in deployment.policies if one.kind != Cors.name]
    cache = next((settings for _, settings in read if isinstance(settings, ResponseCaching)), None)
    generation = next(_generations)
    chains: dict[int, PolicyChain] = {}
    made: dict[tuple[int, ...], PolicyChain] = {}
    for operation in deployment.operations:
        chosen: dict[str, PolicyKind] = {}
        for policy, settings in sorted(read, key=lambda pair: bool(pair[0].operations)):
            if _applies(policy, operation.number):
                chosen[policy.kind] = settings
        if cache is not None and operation.method.upper() in _UNSAFE:
            chosen.setdefault(cache.name, cache)  # a change must drop what is kept of the same address
        policies = sorted(chosen.values(), key=lambda settings: settings.order)
        if policies:
            key = tuple(id(one) for one in policies)
            chains[operation.number] = made.setdefault(key, PolicyChain(policies, generation))
    return chains


def _applies(policy: Policy, number: int) -> bool:
    return not policy.operations or number in policy.operations


def cross_origin_of(deployment: Deployment) -> CrossOriginRule | None:
    """The CORS policy of an API: preflights name no operation, so it is the whole API's."""
    for policy in deployment.policies:
        if policy.kind != Cors.name:
            continue
        settings = read_policy(policy.kind, policy.config)
        if isinstance(settings, Cors):
            return CrossOriginRule(
                frozenset(origin.encode() for origin in settings.allow_origins),
                any_origin="*" in settings.allow_origins,
                **({"methods": ", ".join(settings.allow_methods).encode()} if settings.allow_methods else {}),
                headers=", ".join(settings.allow_headers).encode(),
                exposed=", ".join(settings.expose_headers).encode(),
                credentials=settings.allow_credentials,
                max_age_seconds=settings.max_age_seconds,
            )
    return None
