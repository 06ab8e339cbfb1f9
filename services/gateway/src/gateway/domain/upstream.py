"""Where a deployment's calls go."""

from gateway.domain.response_cache import Recording, StoredAnswer
from gateway.domain.upstream_group import UpstreamGroup
from shared.policies import MockResponse

Address = tuple[bool, str, int, str, str]
InItsPlace = MockResponse | StoredAnswer | Recording  # what answers in its place, or listens to its answer


class Upstream:
    """One target. `authority` is the Host header; times are seconds. `lane`: its connections, set by their pool."""

    __slots__ = (
        "_plain", "address", "authority", "base_path", "connect_seconds", "first_byte_seconds", "group", "host", "lane",
        "line_end", "max_connections", "mock", "port", "timeout_seconds", "tls", "tls_ca_pem", "tls_server_name",
        "total_seconds",
    )  # fmt: skip

    def __init__(
        self,
        tls: bool,
        host: str,
        port: int,
        base_path: bytes,
        authority: bytes,
        timeout_seconds: float,
        connect_seconds: float = 5.0,
        first_byte_seconds: float = 0.0,
        total_seconds: float = 0.0,
        max_connections: int = 0,
        tls_ca_pem: str = "",
        tls_server_name: str = "",
        group: "UpstreamGroup[Upstream] | None" = None,
        mock: InItsPlace | None = None,
    ) -> None:
        self.tls = tls
        self.host = host
        self.port = port
        self.base_path = base_path
        self.authority = authority
        self.timeout_seconds = timeout_seconds
        self.connect_seconds = connect_seconds
        self.first_byte_seconds = first_byte_seconds  # 0: as timeout_seconds
        self.total_seconds = total_seconds  # 0: no limit
        self.max_connections = max_connections  # 0: no limit
        self.tls_ca_pem = tls_ca_pem
        self.tls_server_name = tls_server_name
        self.group = group
        self.mock = mock
        # Connections to the same address serve every API that goes there.
        self.address: Address = (tls, host, port, tls_server_name, tls_ca_pem)
        self.line_end = b" HTTP/1.1\r\nHost: %b\r\n" % authority
        self.lane: object = None
        self._plain: Upstream | None = None

    def is_like(self, other: "Upstream") -> bool:
        """The same settings, so what is known of its health holds on."""
        return self._settings() == other._settings()

    def _settings(self) -> tuple[object, ...]:
        return (
            self.address, self.base_path, self.authority, self.timeout_seconds, self.connect_seconds,
            self.first_byte_seconds, self.total_seconds, self.max_connections,
        )  # fmt: skip

    def answering(self, mock: InItsPlace) -> "Upstream":
        """For one call: `mock` answers, or listens to what the upstream itself (`plain`) answers."""
        copy = Upstream(
            self.tls, self.host, self.port, self.base_path, self.authority, self.timeout_seconds, mock=mock
        )  # fmt: skip
        copy._plain = self
        return copy

    @property
    def plain(self) -> "Upstream":
        """The upstream itself."""
        return self if self._plain is None else self._plain
