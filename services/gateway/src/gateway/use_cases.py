"""Admit a call, and record how it ended."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from gateway.domain.access_slot import AccessSlot
from gateway.domain.admission import (
    decide_access,
    decide_api_key,
    decide_lifecycle,
    decide_token,
    is_young,
    refuse_access,
    refuse_environment,
    refuse_unauthenticated,
    retry_after,
)
from gateway.domain.admitted_call import Admitted, Caller, Wait
from gateway.domain.credential import TokenClaims, api_key, bearer_token
from gateway.domain.cross_origin import (
    CrossOriginRule,
    Reply,
    ShapeResponse,
    after,
    is_preflight,
    with_headers,
    without_cross_origin_lines,
)
from gateway.domain.failure_budget import FailureBudget
from gateway.domain.policy_call import policy_call
from gateway.domain.policy_chain import PolicyChain
from gateway.domain.problems import PAYLOAD_TOO_LARGE, PROBLEMS, Problem, Refusal
from gateway.domain.request_head import RequestHead
from gateway.domain.response_cache import ResponseCache
from gateway.domain.route import ApiRoutes, FoundRoute, OperationRoute
from gateway.domain.usage import flags_of
from gateway.ports import CallLog, IdentityKeys, RefusalCounter, Tables, TokenVerifier
from gateway.ticks import monotonic_ns
from shared.clock import Clock, real_now, real_seconds
from shared.events.call_record import FLAG_SANDBOX
from shared.events.identity import CredentialState

IDENTITY_KEYS = b"/.well-known/tollway-identity.json"

_KNOWN_CALLER_SECONDS = 1.0  # a clock that is set is noticed after this
_MAX_KNOWN_CALLERS = 20_000


class CallGate:
    """The admission of calls over the tables, and their records."""

    def __init__(
        self,
        tables: Tables,
        tokens: TokenVerifier,
        log: CallLog,
        refusals: RefusalCounter,
        clock: Clock,
        *,
        max_body_bytes: int,
        pages: CrossOriginRule | None = None,
        failures: FailureBudget | None = None,
        pass_unrecorded: bool = False,
        identity: IdentityKeys | None = None,
        cache: ResponseCache | None = None,
        monotonic_ns: Callable[[], int] | None = None,
    ) -> None:
        self._tables = tables
        self._tokens = tokens
        self._log = log
        self._refusals = refusals
        self._clock = clock
        self._own_ns = monotonic_ns
        self._callers: dict[bytes, Caller] = {}  # by the Authorization header
        self._pages = pages
        self._failures = failures or FailureBudget(20, 200)
        self._pass_unrecorded = pass_unrecorded
        self._identity = identity
        self._cache = cache
        self.max_body_bytes = max_body_bytes

    def _monotonic_ns(self) -> int:
        return monotonic_ns() if self._own_ns is None else self._own_ns()

    def admit(self, head: RequestHead, peer: bytes) -> Admitted | Refusal | Wait | Reply:
        """Decide one call of the client at address `peer`."""
        if head.origin is None:
            return self._admit(head, peer)
        return self._admit_cross_origin(head, peer, head.origin)

    def _admit_cross_origin(self, head: RequestHead, peer: bytes, origin: bytes) -> Admitted | Refusal | Wait | Reply:
        """A page calls: answer its preflight, and let it read the answer where its origin may."""
        rule = self._rule_for(head.target, origin)
        if rule is None:
            return self._admit(head, peer)
        if is_preflight(head):
            return rule.preflight(origin, head.value(b"access-control-request-headers"))
        outcome = self._admit(head, peer)
        lines = rule.answer_headers(origin)
        if isinstance(outcome, Admitted):
            outcome.headers += lines
            outcome.shape_response = after(without_cross_origin_lines, outcome.shape_response)
        elif isinstance(outcome, Refusal):
            return with_headers(outcome, lines)
        elif isinstance(outcome, Wait):
            outcome.refusal = with_headers(outcome.refusal, lines)
        return outcome

    def _rule_for(self, target: bytes, origin: bytes) -> CrossOriginRule | None:
        if self._pages is not None and self._pages.allows(origin):
            return self._pages
        try:
            route = self._tables.find_route(target)
        except ValueError:
            return None
        rule = None if route is None else route.api.cross_origin
        return rule if rule is not None and rule.allows(origin) else None

    def _admit(self, head: RequestHead, peer: bytes) -> Admitted | Refusal | Wait | Reply:
        """In the order of the architecture: the first reason to refuse is the answer."""
        if not self._tables.is_fresh:
            return Refusal(PROBLEMS["tables-stale"], b"Retry-After: 5\r\n")
        try:
            route = self._tables.find_route(head.target)
        except ValueError:
            return Refusal(PROBLEMS["malformed-path"])
        if route is None:
            return self._own_page(head) or Refusal(PROBLEMS["no-such-api"])
        api = route.api
        operation = None if route.methods is None else route.methods.get(head.method)
        if operation is None:
            found_operation = self._other_operation(route, head.method)
            if isinstance(found_operation, Refusal):
                return found_operation
            operation = found_operation
        if not api.is_plain:
            refused = decide_lifecycle(api)
            if refused is not None:
                return refused
        now_ns = monotonic_ns() if self._own_ns is None else self._own_ns()
        caller = None if head.authorization is None else self._callers.get(head.authorization)
        if (
            caller is None
            or caller.api is not api
            or not caller.entry.is_current
            or caller.identities != self._tables.identities
            or now_ns >= caller.until_ns
        ):
            found = self._find_caller(head, api, peer, now_ns)
            if not isinstance(found, Caller):
                return found
            caller = found
        entry, credential = caller.entry, caller.credential
        if head.length > self.max_body_bytes:
            return refuse_access(PAYLOAD_TOO_LARGE, api, credential)
        upstream = api.upstream
        if upstream.group is not None:
            upstream = upstream.group.choose(now_ns)
        admitted = Admitted(upstream, route.rest, operation, entry, api.sandbox)
        admitted.started_ns = now_ns
        if operation.policies is None:
            return self._reserve(admitted, api, caller.application)
        return self._apply_policies(operation.policies, admitted, api, credential, head, peer)

    def _find_caller(self, head: RequestHead, api: ApiRoutes, peer: bytes, now_ns: int) -> Caller | Refusal | Wait:
        """Credential and access entry, asked from the tables."""
        found = self._credential(head, api, peer)
        if not isinstance(found, tuple):
            return found
        credential, claims = found
        if (credential.environment == "sandbox") is not api.sandbox:
            return refuse_environment(credential, api)
        entry = self._tables.access(credential.application_id, api.api_id, api.sandbox)
        if entry is None or not entry.is_open:
            closed = self._closed(entry, claims, api, credential)
            if closed is not None or entry is None:
                return closed or refuse_access(PROBLEMS["no-subscription"], api, credential)
        caller = Caller(api, credential, entry, self._tables.identities, 0)
        if claims is not None and head.authorization is not None and entry.is_open:
            lives_seconds = min(claims.expires_at - real_seconds(), _KNOWN_CALLER_SECONDS)
            caller.until_ns = now_ns + int(lives_seconds * 1_000_000_000)
            if len(self._callers) >= _MAX_KNOWN_CALLERS:
                self._callers.clear()
            self._callers[head.authorization] = caller
        return caller

    def _own_page(self, head: RequestHead) -> Reply | None:
        """The keys by which upstreams check who calls: the one address here that is no API's."""
        if self._identity is None or head.target != IDENTITY_KEYS or head.method != b"GET":
            return None
        lines = b"Content-Type: application/jwk-set+json\r\nCache-Control: max-age=60\r\n"
        return Reply(200, lines, self._identity.public_keys())

    def _apply_policies(
        self,
        chain: PolicyChain,
        admitted: Admitted,
        api: ApiRoutes,
        credential: CredentialState,
        head: RequestHead,
        peer: bytes,
    ) -> Admitted | Refusal:
        """Those that refuse before the rate limit, those that change the request after it."""
        call = policy_call(head, peer, admitted.rest, admitted.access.access, api, credential)
        call.sign = None if self._identity is None else self._identity.sign
        problem = chain.refuse(call)
        if problem:
            return Refusal(PROBLEMS[problem], b"", api.api_number, credential.application_number)
        outcome = self._reserve(admitted, api, credential.application_number)
        if isinstance(outcome, Admitted):
            call.request_id = outcome.request_id
            chain.shape(call)
            outcome.rest = call.rest
            head.lines = call.lines
            if chain.mock is not None:
                outcome.upstream = outcome.upstream.answering(chain.mock)
                outcome.units = 0
            elif chain.cache is not None and self._cache is not None:
                found = self._cache.look_up(chain.cache, chain.generation, call)
                if found is not None:
                    outcome.upstream = outcome.upstream.answering(found)
            outcome.shape_response = shaper_of(chain, outcome)
        return outcome

    def _other_operation(self, route: FoundRoute, method: bytes) -> OperationRoute | Refusal:
        """HEAD by GET's leave, or no such operation."""
        if route.methods is None:
            return Refusal(PROBLEMS["no-such-operation"], api_number=route.api.api_number)
        operation = route.methods.get(b"GET") if method == b"HEAD" else None
        if operation is None:
            allowed = b"Allow: %b\r\n" % b", ".join(sorted(route.methods))
            return Refusal(PROBLEMS["method-not-allowed"], allowed, route.api.api_number)
        return operation

    def _closed(
        self, entry: AccessSlot | None, claims: TokenClaims | None, api: ApiRoutes, credential: CredentialState
    ) -> Refusal | Wait | None:
        """Ask the entry what it says now; a caller who has only just got a token may be ahead of the tables."""
        problem = decide_access(None if entry is None else entry.access, self._clock.now())
        if problem is None:
            return None
        headers = b"" if entry is None else retry_after(problem, entry.access, self._clock.now())
        refusal = Refusal(problem, headers, api.api_number, credential.application_number)
        missing = entry is None or not entry.access.subscription_id
        return Wait(refusal) if missing and is_young(claims, real_now()) else refusal

    def _credential(
        self, head: RequestHead, api: ApiRoutes, peer: bytes
    ) -> tuple[CredentialState, TokenClaims | None] | Refusal | Wait:
        """A bearer token goes before an API key."""
        token = bearer_token(head.authorization)
        if token is None:
            return self._key_holder(head.api_key, api, peer)
        if not token:
            return refuse_unauthenticated("missing-credentials", api.api_number)
        # Callers behind the same address whose tokens are known go on: only unknown tokens cost a signature check.
        if self._failures.is_spent(peer, self._monotonic_ns()) and not self._tokens.is_known(token):
            return self._too_many_failures(api, peer)
        claims = self._tokens.verify(token)
        if isinstance(claims, str):
            self._failures.note_failure(peer, self._monotonic_ns())
            return refuse_unauthenticated(claims, api.api_number)
        credential = self._tables.client(claims.client_id)
        if credential is None:
            refusal = refuse_unauthenticated("invalid-token", api.api_number)
            # Only a rightly signed token for this organization may make the gateway wait.
            return Wait(refusal) if api.organization_id in claims.audience else refusal
        refused = decide_token(claims, credential, api)
        return (credential, claims) if refused is None else refused

    def _key_holder(self, shown: bytes | None, api: ApiRoutes, peer: bytes) -> tuple[CredentialState, None] | Refusal:
        if not shown:
            return refuse_unauthenticated("missing-credentials", api.api_number)
        key = api_key(shown)
        credential = self._tables.api_key(key.sha256)
        if credential is None and self._failures.is_spent(peer, self._monotonic_ns()):
            return self._too_many_failures(api, peer)
        refused = decide_api_key(key, credential, api, real_now())
        if credential is None or refused is not None:
            self._failures.note_failure(peer, self._monotonic_ns())
            return refused or refuse_unauthenticated("unknown-api-key", api.api_number)
        return credential, None

    def _too_many_failures(self, api: ApiRoutes, peer: bytes) -> Refusal:
        retry = b"Retry-After: %d\r\n" % self._failures.retry_after_seconds(peer, self._monotonic_ns())
        return Refusal(PROBLEMS["too-many-failures"], retry, api.api_number)

    def _reserve(self, admitted: Admitted, api: ApiRoutes, application: int) -> Admitted | Refusal:
        """Take from the rate limit and reserve the call's room in the log."""
        entry = admitted.access
        rate = entry.limiter.take(admitted.started_ns)
        if not rate.admitted:
            retry = b"Retry-After: %d\r\n" % rate.retry_after_seconds
            return Refusal(PROBLEMS["rate-limited"], retry + rate.headers, api.api_number, application)
        slot = self._log.open_call(
            entry.subscription,
            application,
            api.api_number,
            admitted.operation.number,
            entry.plan_version,
            FLAG_SANDBOX if admitted.sandbox else 0,
        )
        if slot < 0 and not self._pass_unrecorded:
            return Refusal(PROBLEMS["recording-unavailable"], b"Retry-After: 5\r\n", api.api_number, application)
        admitted.slot = slot
        admitted.request_id = self._log.request_id(slot)
        admitted.headers = rate.headers
        if self._tables.usage_lines and not admitted.sandbox:
            admitted.headers += self._tables.usage_lines.get(entry.subscription, b"")
        if not api.is_plain:
            admitted.headers += _deprecation(api.sunset_at)
        return admitted

    def refuse(self, refusal: Refusal) -> None:
        """Count a refused call."""
        self._refusals.count(refusal.problem.name, refusal.api_number, refusal.application_number)

    def refuse_problem(self, problem: Problem) -> None:
        """Count a call refused for its form."""
        self._refusals.count(problem.name, 0, 0)

    def record_call(
        self,
        call: Admitted,
        status: int,
        bytes_in: int,
        bytes_out: int,
        client_aborted: bool = False,
        upstream_failed: bool = False,
        ended_ns: int = 0,
    ) -> int:
        """Append the call's record, before the last byte of the answer is sent; its latency in us.

        `ended_ns`: when all of it was there, on the monotonic clock; 0: now.
        """
        latency_us = ((ended_ns or self._monotonic_ns()) - call.started_ns) // 1000
        if call.slot < 0:
            return latency_us  # the log was full and the operator lets calls pass: counted when it was admitted
        upstream_us = (call.upstream_ns - call.started_ns) // 1000 if call.upstream_ns else 0
        self._log.append(
            call.slot,
            bytes_in,
            bytes_out,
            call.units,
            latency_us,
            upstream_us,
            status,
            flags_of(call.access, call.sandbox, call.upstream_status, client_aborted, upstream_failed),
        )
        return latency_us

    def heard_upstream(self, call: Admitted, status: int) -> None:
        """The upstream's final head has come."""
        call.upstream_status = status
        call.upstream_ns = monotonic_ns() if self._own_ns is None else self._own_ns()


def shaper_of(chain: PolicyChain, call: Admitted) -> ShapeResponse:
    """What the operation's policies do with the upstream's answer."""

    def shape(_: int, lines: Sequence[bytes]) -> Sequence[bytes]:
        units = chain.units(lines)
        if units is not None:
            call.units = units
        return chain.shape_response(lines)

    return shape


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _deprecation(sunset_at: datetime | None) -> bytes:
    """Deprecation, and Sunset (RFC 8594) where the end is known."""
    if sunset_at is None:
        return b"Deprecation: true\r\n"
    at = sunset_at.astimezone(UTC)
    date = f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S} GMT"
    return b"Deprecation: true\r\nSunset: " + date.encode() + b"\r\n"
