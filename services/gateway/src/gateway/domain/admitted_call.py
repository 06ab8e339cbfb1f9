"""What admission says of a call that passes, or that has to wait; and what it remembers of who calls."""

from gateway.domain.access_slot import AccessSlot
from gateway.domain.cross_origin import ShapeResponse
from gateway.domain.problems import Refusal
from gateway.domain.route import ApiRoutes, OperationRoute
from gateway.domain.upstream import Upstream
from shared.events.identity import CredentialState


class Admitted:
    """A call that goes upstream. Its room in the log is reserved: it ends in `record_call`, whatever happens."""

    __slots__ = (
        "access", "headers", "operation", "request_id", "rest", "sandbox", "shape_response", "slot", "started_ns",
        "units", "upstream", "upstream_ns", "upstream_status",
    )  # fmt: skip

    def __init__(
        self, upstream: Upstream, rest: bytes, operation: OperationRoute, slot: AccessSlot, sandbox: bool
    ) -> None:
        self.upstream = upstream
        self.rest = rest
        self.operation = operation
        self.access = slot
        self.sandbox = sandbox
        self.headers = b""  # lines for the answer
        self.shape_response: ShapeResponse | None = None  # changes the upstream's header lines
        self.units = operation.units
        self.slot = -1
        self.request_id = b""
        self.started_ns = 0
        self.upstream_ns = 0
        self.upstream_status = 0


class Caller:
    """Who shows a token, and that it may call one API: what admission found out, until something of it changes."""

    __slots__ = ("api", "application", "credential", "entry", "identities", "until_ns")

    def __init__(
        self, api: ApiRoutes, credential: CredentialState, entry: AccessSlot, identities: int, until_ns: int
    ) -> None:
        self.api = api
        self.credential = credential
        self.application: int = credential.application_number
        self.entry = entry
        self.identities = identities
        self.until_ns = until_ns


class Wait:
    """The tables may not have heard yet of what the caller was just told; `refusal` is the answer if they never do."""

    __slots__ = ("refusal",)

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
