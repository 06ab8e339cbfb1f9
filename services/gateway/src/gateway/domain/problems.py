"""Every answer that the gateway gives itself, as a problem type: what happened and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem type. `fault` says whose it is: client, platform, upstream or capacity."""

    name: str
    status: int
    title: str
    detail: str
    fault: str = "client"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that is not let through. `headers`: complete lines of the answer, each with its CRLF."""

    problem: Problem
    headers: bytes = b""
    api_number: int = 0
    application_number: int = 0


# One line each: this is a table.
# ruff: noqa: E501
_ALL = (
    Problem("malformed-request", 400, "Malformed request", "The request breaks HTTP/1.1's rules on framing or syntax. Send it with a current HTTP client; do not write heads by hand."),
    Problem("malformed-path", 400, "Malformed path", "The path holds an encoded slash, a dot segment, an empty segment or a broken percent-encoding. Send the plain path of the operation."),
    Problem("missing-credentials", 401, "Credentials are missing", "Send `Authorization: Bearer <access token>` or an API key in `X-API-Key`."),
    Problem("invalid-token", 401, "The access token is not valid", "Request a new access token with your Consumer Key and Consumer Secret at this API's token endpoint."),
    Problem("expired-token", 401, "The access token has expired", "Request a new access token with your Consumer Key and Consumer Secret."),
    Problem("unknown-api-key", 401, "The API key is not valid", "Check the key for missing characters, or create a new one for your application in the developer portal."),
    Problem("no-subscription", 403, "No subscription", "This application does not subscribe to this API. Subscribe to one of its plans in the developer portal."),
    Problem("subscription-ended", 403, "The subscription has ended", "Subscribe again in the developer portal to go on calling this API."),
    Problem("payment-overdue", 403, "Payment is overdue", "Pay the open invoice in the developer portal; calls pass again as soon as the payment is confirmed."),
    Problem("payment-pending", 403, "Payment is pending", "Finish the checkout of this subscription; calls pass as soon as the payment is confirmed."),
    Problem("subscription-paused", 403, "The subscription is paused", "Resume the subscription in the developer portal."),
    Problem("wrong-environment", 403, "Wrong environment", "Production credentials call the production address, sandbox credentials the one that begins with /dev/."),
    Problem("insufficient-scope", 403, "Insufficient scope", "Request an access token with the scope that this operation needs."),
    Problem("client-address-refused", 403, "Address refused", "The API's provider takes no calls from your network address."),
    Problem("api-blocked", 403, "The API is blocked", "Its provider has blocked this API for now. Try again later or contact the provider."),
    Problem("no-such-api", 404, "No such API", "Check organization, API and version in the address: /{organization}/{api}/{version}/..."),
    Problem("no-such-operation", 404, "No such operation", "The API's contract has no operation on this path. Check the path in the API's documentation."),
    Problem("method-not-allowed", 405, "Method not allowed", "This path has operations on other methods only: see Allow."),
    Problem("request-timeout", 408, "The request took too long", "Send the whole request without long pauses."),
    Problem("api-retired", 410, "The API is retired", "This version is gone. Use a newer version of the API."),
    Problem("length-required", 411, "Length required", "This operation limits its bodies: send Content-Length."),
    Problem("payload-too-large", 413, "The request body is too large", "Send a smaller body."),
    Problem("rate-limited", 429, "Too many calls", "The plan's rate limit is reached. Wait as long as Retry-After says, or change to a larger plan."),
    Problem("quota-reached", 429, "The quota is used up", "The plan's quota for this period is used up. Wait for the next period or change to a larger plan."),
    Problem("spend-cap-reached", 429, "The spend cap is reached", "Raise the spend cap in the developer portal or wait for the next billing period."),
    Problem("too-many-failures", 429, "Too many failed authentications", "Your address has sent too many credentials that are not valid. Wait as long as Retry-After says, and send a valid one."),
    Problem("headers-too-large", 431, "The request head is too large", "Send fewer or shorter headers."),
    Problem("not-implemented", 501, "Not implemented", "The gateway takes no transfer coding but `chunked`, and no CONNECT and unregistered methods."),
    Problem("upstream-unreachable", 502, "The API's backend cannot be reached", "The provider's backend did not answer properly. Try again; if it stays, contact the provider.", "upstream"),
    Problem("upstream-busy", 503, "The API's backend is busy", "As many calls as its provider allows are under way. Try again shortly.", "upstream"),
    Problem("tables-stale", 503, "The gateway is cut off", "The gateway has not heard of access changes for too long and admits no calls. Try again shortly.", "platform"),
    Problem("recording-unavailable", 503, "Calls cannot be recorded", "The gateway cannot record calls at the moment and admits none. Try again shortly.", "capacity"),
    Problem("identity-unavailable", 503, "Callers cannot be named", "The API wants its callers named by a signed token, and the operator gave the gateway no key for it (TOLLWAY_IDENTITY_KEYS).", "platform"),
    Problem("upstream-timeout", 504, "The API's backend is too slow", "The provider's backend did not answer in time. The call may have had its effect there.", "upstream"),
    Problem("http-version-not-supported", 505, "HTTP version not supported", "Use HTTP/1.1."),
)  # fmt: skip

PROBLEMS = {problem.name: problem for problem in _ALL}

MALFORMED = PROBLEMS["malformed-request"]
NOT_IMPLEMENTED = PROBLEMS["not-implemented"]
HEAD_TOO_LARGE = PROBLEMS["headers-too-large"]
VERSION_NOT_SUPPORTED = PROBLEMS["http-version-not-supported"]
PAYLOAD_TOO_LARGE = PROBLEMS["payload-too-large"]
