"""From a request's target to an operation of a deployed API: one trie of path templates per API and environment."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from gateway.domain.cross_origin import CrossOriginRule
from gateway.domain.policy_chain import PolicyChain, chains_of, cross_origin_of
from gateway.domain.upstream import Upstream
from gateway.domain.upstream_group import GroupSettings, UpstreamGroup
from shared.events.catalog import ApiState, Deployment, Environment, Lifecycle, UpstreamTarget

_PERCENT = re.compile(rb"%(..?)?")
_HEX = re.compile(rb"[0-9A-Fa-f]{2}").fullmatch
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")
_FORBIDDEN_ESCAPES = frozenset(b"/\\.;%\0")  # encoded once more, two servers would read two paths


RouteKey = tuple[bool, bytes, bytes, bytes]  # development, organization, api, version


class OperationRoute:
    """One operation: its number in call records and the units that one call counts for."""

    __slots__ = ("number", "policies", "units")

    def __init__(self, number: int, units: int, policies: PolicyChain | None) -> None:
        self.number = number
        self.units = units
        self.policies = policies


class _Node:
    __slots__ = ("literals", "methods", "patterns", "variable")

    def __init__(self) -> None:
        self.literals: dict[bytes, _Node] = {}
        self.patterns: tuple[tuple[re.Pattern[bytes], _Node], ...] = ()
        self.variable: _Node | None = None
        self.methods: dict[bytes, OperationRoute] = {}

    def child(self, segment: bytes) -> "_Node":
        """The node for a template's segment, made when it is not there."""
        if b"{" not in segment:
            found = self.literals.get(segment)
            if found is None:
                found = self.literals[segment] = _Node()
            return found
        if segment.startswith(b"{") and segment.endswith(b"}") and segment.count(b"{") == 1:
            if self.variable is None:
                self.variable = _Node()
            return self.variable
        source = b"[^/]+".join(re.escape(part) for part in re.split(rb"\{[^}]*\}", segment))
        for pattern, node in self.patterns:
            if pattern.pattern == source:
                return node
        self.patterns += ((re.compile(source), _Node()),)
        return self.patterns[-1][1]


def _match(node: _Node, segments: list[bytes], position: int) -> _Node | None:
    """Literal before pattern before variable, with a way back: /books/mine beside /books/{id}/reviews."""
    if position == len(segments):
        return node if node.methods else None
    segment = segments[position]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _match(literal, segments, position + 1)
        if found is not None:
            return found
    for pattern, child in node.patterns:
        if pattern.fullmatch(segment):
            found = _match(child, segments, position + 1)
            if found is not None:
                return found
    if node.variable is not None and segment:
        return _match(node.variable, segments, position + 1)
    return None


class ApiRoutes:
    """One API version in one environment. `is_plain`: published, so nothing about the API itself stands in the way."""

    __slots__ = (
        "api_id", "api_number", "cross_origin", "environment", "is_plain", "lifecycle", "organization_id", "root",
        "sandbox", "sunset_at", "upstream",
    )  # fmt: skip

    def __init__(
        self,
        api_id: str,
        api_number: int,
        organization_id: str,
        environment: Environment,
        lifecycle: Lifecycle,
        sunset_at: datetime | None,
        upstream: Upstream,
        root: _Node,
        cross_origin: CrossOriginRule | None = None,
    ) -> None:
        self.api_id = api_id
        self.api_number = api_number
        self.organization_id = organization_id
        self.environment: Environment = environment
        self.sandbox = environment == "development"
        self.lifecycle: Lifecycle = lifecycle
        self.is_plain = lifecycle not in ("blocked", "retired", "deprecated")
        self.sunset_at = sunset_at
        self.upstream = upstream
        self.root = root
        self.cross_origin = cross_origin

    def find(self, segments: list[bytes]) -> dict[bytes, OperationRoute] | None:
        """Operations by method on the path; None when no template matches."""
        node = _match(self.root, segments, 0)
        return None if node is None else node.methods


@dataclass(frozen=True, slots=True)
class Target:
    """A normalised request target: `segments` to route by, `path` (what is appended upstream) and query from there."""

    key: RouteKey
    segments: list[bytes]
    rest: bytes


def _unescape(found: re.Match[bytes]) -> bytes:
    digits = found[1] or b""
    if not _HEX(digits):
        raise ValueError("broken percent-encoding")
    octet = int(digits, 16)
    if octet in _FORBIDDEN_ESCAPES or octet < 32 or octet == 127:
        raise ValueError("forbidden percent-encoding")
    return bytes([octet]) if octet in _UNRESERVED else b"%" + digits.upper()


def parse_target(target: bytes) -> Target | None:
    """Normalise once, before routing; what is routed is what is sent. None: the path names no API.

    Raises ValueError for a path that the gateway and an upstream might read differently.
    """
    path, question, query = target.partition(b"?")
    if b"%" in path:
        path = _PERCENT.sub(_unescape, path)
    parts = path.split(b"/")
    for part in parts[1:-1]:
        # `..;x` is `..` to servers that cut path parameters off.
        if not part or part.partition(b";")[0] in (b".", b".."):
            raise ValueError("empty or dot segment")
    if parts[-1].partition(b";")[0] in (b".", b".."):
        raise ValueError("dot segment")
    development = parts[1] == b"dev"
    first = 2 if development else 1
    if len(parts) < first + 3:
        return None
    segments = parts[first + 3 :]
    rest = b"".join(b"/" + segment for segment in segments)
    if segments == [b""]:
        segments = []
    return Target((development, parts[first], parts[first + 1], parts[first + 2]), segments, rest + question + query)


def upstream_of(deployment: Deployment) -> Upstream:
    """Where a deployment's calls go; the first of several targets. Raises ValueError when an address is none."""
    settings = deployment.upstream
    targets = settings.targets or (UpstreamTarget(url=deployment.upstream_url),)
    group: UpstreamGroup[Upstream] | None = None
    if len(targets) > 1 or settings.eject_after_failures or settings.health_path:
        group = UpstreamGroup(
            GroupSettings(
                eject_after=settings.eject_after_failures,
                eject_seconds=settings.eject_seconds,
                retries=settings.retries,
                retry_budget_percent=settings.retry_budget_percent,
                health_path=settings.health_path,
                health_interval_seconds=settings.health_interval_seconds,
            ),
            [target.weight for target in targets],
        )
    found = tuple(_target(target.url, deployment, group) for target in targets)
    if group is not None:
        group.targets = found
    return found[0]


def _target(url: str, deployment: Deployment, group: "UpstreamGroup[Upstream] | None") -> Upstream:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no http(s) address")
    settings = deployment.upstream
    tls = parts.scheme == "https"
    return Upstream(
        tls=tls,
        host=parts.hostname,
        port=parts.port or (443 if tls else 80),
        base_path=parts.path.rstrip("/").encode("ascii"),
        authority=parts.netloc.rpartition("@")[2].encode("ascii"),
        timeout_seconds=deployment.timeout_ms / 1000,
        connect_seconds=settings.connect_timeout_ms / 1000,
        first_byte_seconds=settings.first_byte_timeout_ms / 1000,
        total_seconds=settings.total_timeout_ms / 1000,
        max_connections=settings.max_connections,
        tls_ca_pem=settings.tls_ca_pem,
        tls_server_name=settings.tls_server_name,
        group=group,
    )


def _trie_of(deployment: Deployment) -> _Node:
    root = _Node()
    chains = chains_of(deployment)
    for operation in deployment.operations:
        node = root
        template = operation.path_template.strip("/")
        for segment in template.encode().split(b"/") if template else ():
            node = node.child(segment)
        if operation.path_template.endswith("/") and template:
            node = node.child(b"")
        node.methods[operation.method.upper().encode()] = OperationRoute(
            operation.number, operation.units, chains.get(operation.number)
        )
    return root


def routes_of(api: ApiState) -> dict[Environment, ApiRoutes]:
    """What is deployed, by environment."""
    found: dict[Environment, ApiRoutes] = {}
    if api.production is not None:
        found["production"] = _routes(api, "production", api.production, _trie_of(api.production))
    if api.development is not None:
        known = found.get("production")
        # Mostly it is what was promoted: one trie for both, unless policies could tell the environments apart.
        if known is not None and api.production is not None and _is_same_trie(api.production, api.development):
            root = known.root
        else:
            root = _trie_of(api.development)
        found["development"] = _routes(api, "development", api.development, root)
    return found


def _is_same_trie(one: Deployment, other: Deployment) -> bool:
    return not (one.policies or other.policies) and one.operations == other.operations


def _routes(api: ApiState, environment: Environment, deployment: Deployment, root: _Node) -> ApiRoutes:
    return ApiRoutes(
        api.api_id,
        api.number,
        api.organization_id,
        environment,
        api.lifecycle,
        api.sunset_at,
        upstream_of(deployment),
        root,
        cross_origin_of(deployment),
    )


def with_known_upstream(routes: ApiRoutes, known: ApiRoutes) -> ApiRoutes:
    """Keep what is known of the targets' health when a change of the API did not touch them."""
    if routes.upstream.group is None or known.upstream.group is None:
        return routes
    before, after = known.upstream.group, routes.upstream.group
    same = (
        before.settings == after.settings
        and before.weights == after.weights
        and len(before.targets) == len(after.targets)
        and all(one.is_like(other) for one, other in zip(before.targets, after.targets, strict=True))
    )
    if same:
        routes.upstream = known.upstream
    return routes


def route_key(api: ApiState, environment: Environment) -> RouteKey:
    """Where `parse_target` finds the API."""
    return (
        environment == "development",
        api.organization_identifier.encode(),
        api.identifier.encode(),
        api.version_label.encode(),
    )


class FoundRoute:
    """Where a target leads. `methods` is None where no template matches; `rest` is what is appended upstream."""

    __slots__ = ("api", "methods", "rest")

    def __init__(self, api: ApiRoutes, methods: dict[bytes, OperationRoute] | None, rest: bytes) -> None:
        self.api = api
        self.methods = methods
        self.rest = rest


_MAX_KNOWN_PATHS = 10_000


class RouteTable:
    """All deployed APIs by address. Paths that are called again are looked up whole."""

    def __init__(self) -> None:
        self._apis: dict[RouteKey, ApiRoutes] = {}
        self._keys_of: dict[str, list[RouteKey]] = {}
        self._known: dict[bytes, FoundRoute] = {}

    def get(self, key: RouteKey) -> ApiRoutes | None:
        """The API deployed under the address."""
        return self._apis.get(key)

    def groups(self) -> list[UpstreamGroup[Upstream]]:
        """Of all upstreams that have one."""
        return [api.upstream.group for api in self._apis.values() if api.upstream.group is not None]

    def put(self, api_id: str, found: dict[RouteKey, ApiRoutes]) -> None:
        """Replace every address of an API."""
        for key in self._keys_of.pop(api_id, ()):
            # The address may belong to another API by now.
            if key in self._apis and self._apis[key].api_id == api_id:
                del self._apis[key]
        self._apis.update(found)
        if found:
            self._keys_of[api_id] = list(found)
        self._known.clear()

    def find(self, target: bytes) -> FoundRoute | None:
        """Normalise and route a target; None: it names no API. Raises ValueError as `parse_target` does."""
        found = self._known.get(target)
        if found is not None:
            return found
        path, question, query = target.partition(b"?")
        if question:
            found = self._known.get(path)
            if found is None:
                found = self._look_up(path)
            return None if found is None else FoundRoute(found.api, found.methods, found.rest + question + query)
        return self._look_up(path)

    def _look_up(self, path: bytes) -> FoundRoute | None:
        target = parse_target(path)
        if target is None:
            return None
        api = self._apis.get(target.key)
        if api is None:
            return None
        found = FoundRoute(api, api.find(target.segments), target.rest)
        if found.methods is not None:
            if len(self._known) >= _MAX_KNOWN_PATHS:
                self._known.clear()
            self._known[path] = found
        return found
