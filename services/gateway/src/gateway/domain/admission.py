"""The one place that refuses. Order: route, lifecycle, credential, access entry, rate limit, then log and upstream."""

import math
from datetime import datetime

from gateway.domain.credential import ApiKey, TokenClaims, is_live_client, is_live_key
from gateway.domain.problems import PROBLEMS, Problem, Refusal
from gateway.domain.route import ApiRoutes
from shared.events.identity import CredentialState
from shared.events.subscriptions import Access

YOUNG_TOKEN_SECONDS = 10
_CHALLENGE = b'WWW-Authenticate: Bearer realm="tollway"\r\n'
_INVALID = b'WWW-Authenticate: Bearer realm="tollway", error="invalid_token", error_description="%b"\r\n'


def refuse_unauthenticated(name: str, api_number: int, application_number: int = 0) -> Refusal:
    """401 with the challenge of RFC 6750: no error code where the request showed no token at all."""
    problem = PROBLEMS[name]
    headers = _INVALID % problem.title.encode() if name in ("invalid-token", "expired-token") else _CHALLENGE
    return Refusal(problem, headers, api_number, application_number)


def decide_lifecycle(api: ApiRoutes) -> Refusal | None:
    """Blocked and retired APIs refuse every call."""
    if api.lifecycle == "blocked":
        return Refusal(PROBLEMS["api-blocked"], api_number=api.api_number)
    if api.lifecycle == "retired":
        return Refusal(PROBLEMS["api-retired"], api_number=api.api_number)
    return None


def decide_token(claims: TokenClaims, credential: CredentialState, api: ApiRoutes) -> Refusal | None:
    """A verified token of a known client: meant for this organization, and not revoked."""
    organization_id = api.organization_id
    if organization_id not in claims.audience or credential.organization_id != organization_id:
        return refuse_unauthenticated("invalid-token", api.api_number)
    if not is_live_client(credential, claims.generation):
        return refuse_unauthenticated("invalid-token", api.api_number, credential.application_number)
    return None


def decide_api_key(key: ApiKey, credential: CredentialState | None, api: ApiRoutes, now: datetime) -> Refusal | None:
    """An API key: known, live on real time `now`, and of this organization."""
    if (
        credential is None
        or credential.organization_id != api.organization_id
        or not is_live_key(credential, key.sha256, now)
    ):
        return refuse_unauthenticated("unknown-api-key", api.api_number)
    return None


def refuse_environment(credential: CredentialState, api: ApiRoutes) -> Refusal:
    """Production credentials call Production, sandbox credentials Development."""
    return refuse_access(PROBLEMS["wrong-environment"], api, credential)


def refuse_access(problem: Problem, api: ApiRoutes, credential: CredentialState) -> Refusal:
    """The caller is known, and may not make this call."""
    return Refusal(problem, b"", api.api_number, credential.application_number)


def decide_access(access: Access | None, now: datetime) -> Problem | None:
    """What the access entry says at business time `now`; its times end and resume access without a message."""
    if access is None:
        return PROBLEMS["no-subscription"]
    if not access.allowed:
        return _forbidden(access.reason, "no-subscription")
    if access.valid_until is not None and now >= access.valid_until:
        return PROBLEMS["subscription-ended"]
    if access.blocked_until is not None and now < access.blocked_until:
        return _forbidden(access.blocked_reason, "quota-reached")
    return None


def retry_after(problem: Problem, access: Access, now: datetime) -> bytes:
    """When a quota or a spend cap lets calls pass again, as a header line."""
    if problem.status != 429 or access.blocked_until is None:
        return b""
    return b"Retry-After: %d\r\n" % max(1, math.ceil((access.blocked_until - now).total_seconds()))


def _forbidden(reason: str, otherwise: str) -> Problem:
    """The entry's reason is a problem's name; one that this version does not know is shown as `otherwise`."""
    problem = PROBLEMS.get(reason)
    return problem if problem is not None and problem.status in (403, 429) else PROBLEMS[otherwise]


def is_young(claims: TokenClaims | None, real_now: datetime) -> bool:
    """Just issued: the tables may still lack what the caller has just been told, so the call may wait for them."""
    return claims is not None and real_now.timestamp() - claims.issued_at < YOUNG_TOKEN_SECONDS
