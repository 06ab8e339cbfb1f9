"""The gateway's five tables in memory, rebuilt from compacted topics at start; older versions are ignored."""

from collections.abc import Callable

from gateway.adapters.access_table import AccessTable
from gateway.adapters.access_token import AccessTokens
from gateway.adapters.kafka_reader import Feed, Take
from gateway.domain.access_slot import AccessSlot
from gateway.domain.rate_limit import EntryKey, RateLimiter
from gateway.domain.route import (
    ApiRoutes,
    FoundRoute,
    RouteKey,
    RouteTable,
    route_key,
    routes_of,
    with_known_upstream,
)
from gateway.domain.told_usage import usage_lines
from gateway.domain.upstream import Upstream
from gateway.domain.upstream_group import UpstreamGroup
from gateway.ports import Tables
from shared.events.catalog import ApiState
from shared.events.envelope import decode
from shared.events.identity import CredentialState, SigningKeyState
from shared.events.subscriptions import AccessEntryState
from shared.events.topics import (
    CATALOG_APIS,
    IDENTITY_CREDENTIALS,
    IDENTITY_SIGNING_KEYS,
    SUBSCRIPTIONS_ACCESS,
    USAGE_TOTALS,
    Topic,
)
from shared.events.usage import UsageTotals


class GatewayTables(Tables):
    """What `apply_*` last heard. Values are decoded when they arrive, never when a call comes."""

    def __init__(self, tokens: AccessTokens) -> None:
        super().__init__()
        self._tokens = tokens
        self._versions: dict[tuple[str, str], int] = {}
        self._routes = RouteTable()
        self._clients: dict[str, CredentialState] = {}
        self._api_keys: dict[str, CredentialState] = {}
        self._hashes_of: dict[str, list[str]] = {}
        self._access = AccessTable()
        self.changed: list[RateLimiter] = self._access.changed

    # What admission asks
    def routes(self, key: RouteKey) -> ApiRoutes | None:
        """The API deployed under the address."""
        return self._routes.get(key)

    def find_route(self, target: bytes) -> FoundRoute | None:
        """Where a request's target leads; None: to no API. Raises ValueError for a path that could be misread."""
        return self._routes.find(target)

    def client(self, client_id: str) -> CredentialState | None:
        """The OAuth2 client."""
        return self._clients.get(client_id)

    def api_key(self, sha256: str) -> CredentialState | None:
        """The credential that has this key."""
        return self._api_keys.get(sha256)

    def entry_count(self) -> int:
        """Access entries, ended ones included."""
        return len(self._access)

    def limiter(self, key: EntryKey) -> RateLimiter | None:
        """The limiter of an access entry."""
        slot = self._access.find(key[0], key[1], key[2])
        return None if slot is None else slot.limiter

    def upstream_groups(self) -> list[UpstreamGroup[Upstream]]:
        """Of all deployments that have several targets or a health check."""
        return self._routes.groups()

    def sweep(self, now_ns: int) -> None:
        """Give memory back; called once a second."""
        self._access.sweep(now_ns)

    def access(self, application_id: str, api_id: str, sandbox: bool) -> AccessSlot | None:
        """The access entry."""
        return self._access.find(application_id, api_id, sandbox)

    # What the topics say
    def _is_news(self, table: str, key: str, version: int) -> bool:
        """A version that is not the one we have, or an older one. A tombstone forgets nothing: versions only grow."""
        if version <= self._versions.get((table, key), -1):
            return False
        self._versions[(table, key)] = version
        return True

    def apply_api(self, key: str, value: bytes | None) -> None:
        """catalog.apis"""
        if value is None:
            self._routes.put(key, {})
            return
        api = decode(value, ApiState)
        if not self._is_news("api", key, api.version):
            return
        found = {}
        for environment, routes in routes_of(api).items():
            key_of_route = route_key(api, environment)
            known = self._routes.get(key_of_route)
            found[key_of_route] = routes if known is None else with_known_upstream(routes, known)
        self._routes.put(key, found)

    def apply_credential(self, key: str, value: bytes | None) -> None:
        """identity.credentials"""
        credential = None if value is None else decode(value, CredentialState)
        if credential is not None and not self._is_news("credential", key, credential.version):
            return
        self.identities += 1
        self._clients.pop(key, None)
        for sha256 in self._hashes_of.pop(key, ()):
            self._api_keys.pop(sha256, None)
        if credential is None:
            return
        if credential.kind == "oauth_client":
            self._clients[key] = credential
        else:
            self._hashes_of[key] = [one.sha256 for one in credential.key_hashes]
            self._api_keys.update(dict.fromkeys(self._hashes_of[key], credential))

    def apply_signing_key(self, key: str, value: bytes | None) -> None:
        """identity.signing-keys"""
        state = None if value is None else decode(value, SigningKeyState)
        if state is None or self._is_news("signing-key", key, state.version):
            self._tokens.put_key(key, state)
            self.identities += 1

    def apply_access(self, key: str, value: bytes | None) -> None:
        """subscriptions.access; the key is `<application_id>/<api_id>`."""
        self._access.apply(key, None if value is None else decode(value, AccessEntryState))

    def apply_usage(self, key: str, value: bytes | None) -> None:
        """usage.totals; the key is the subscription's id."""
        totals = None if value is None else decode(value, UsageTotals)
        if totals is None or not self._is_news("usage", key, totals.version):
            return
        if totals.shown:
            self.usage_lines[totals.subscription_number] = usage_lines(totals)
        else:
            self.usage_lines.pop(totals.subscription_number, None)


def table_feeds(tables: GatewayTables, topic_prefix: str) -> list[Feed]:
    """The topics that feed the tables."""
    applied_to: list[tuple[Topic, Callable[[str, bytes | None], None]]] = [
        (CATALOG_APIS, tables.apply_api),
        (IDENTITY_CREDENTIALS, tables.apply_credential),
        (IDENTITY_SIGNING_KEYS, tables.apply_signing_key),
        (SUBSCRIPTIONS_ACCESS, tables.apply_access),
    ]
    return [Feed(topic_prefix + topic.name, by_key(apply)) for topic, apply in applied_to]


def usage_feed(tables: GatewayTables, topic_prefix: str) -> Feed:
    """What callers are told. Nobody waits for it: calls need it not."""
    return Feed(topic_prefix + USAGE_TOTALS.name, by_key(tables.apply_usage))


def by_key(apply: Callable[[str, bytes | None], None]) -> Take:
    """For states: whether they were there before does not matter."""

    def take(key: bytes, value: bytes | None, _: bool) -> None:
        apply(key.decode(), value)

    return take
