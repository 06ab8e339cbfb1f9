"""What kinds of problem there are: cause and cure, a page each under `/problems/{name}`."""

from dataclasses import dataclass

from portal_api.http.people_problem_types import PEOPLE


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind."""

    title: str
    cause: str
    cure: str


_PORTAL = {
    "address-not-allowed": (
        "This address is not allowed",
        "Contracts and upstreams must be at public addresses, so that nobody reaches inside the network through us.",
        "Use a public address, or ask the operator to name host and port in TOLLWAY_ALLOWED_PRIVATE_ADDRESSES.",
    ),
    "address-unknown": ("The address cannot be resolved", "The host has no address.", "Check the URL's spelling."),
    "already-a-member": ("Already a member", "The user has a role in the organization.", "Nothing needs doing."),
    "already-subscribed": (
        "Already subscribed",
        "The application has a live subscription to this API.",
        "Use that subscription, or cancel it first. Another plan for the same API is a plan change.",
    ),
    "api-exists": (
        "The organization has this API version",
        "Identifier and version of an API are part of its address, and taken.",
        "Send another identifier or version.",
    ),
    "api-not-found": ("No such API", "It does not exist, or it is another organization's.", "Check id and token."),
    "api-not-published": ("The API is not published", "It takes no subscriptions now.", "Ask its provider."),
    "api-retired": ("The API is retired", "Its provider ended it.", "Look for a newer version in the portal."),
    "application-deleted": ("The application is deleted", "It is being deleted.", "Create another application."),
    "application-not-found": ("No such application", "It does not exist, or is not yours.", "Check id and token."),
    "authentication-required": (
        "Sign in first",
        "The request has no valid personal access token and no session.",
        "Send `Authorization: Bearer pat_...`, or sign in. Tokens expire: create a new one.",
    ),
    "branding-invalid": (
        "The branding cannot be used",
        "A colour is none, or text of it could not be read; or a name or page is too long. `errors` names each field.",
        "Take the shade that the answer names, or shorten the text.",
    ),
    "contract-invalid": (
        "The contract is not a valid OpenAPI document",
        "The document breaks OpenAPI's rules; `errors` lists each place with its line.",
        "Correct the lines named and import again.",
    ),
    "contract-too-large": ("The contract is too large", "It has more than 5 MB.", "Leave examples out, or split it."),
    "contract-unreachable": (
        "The contract cannot be fetched",
        "Its URL does not answer with the document within the time allowed.",
        "Check the URL in a browser, or send the document itself.",
    ),
    "credential-revoked": ("The credential is revoked", "It was revoked before.", "Create another one."),
    "credential-not-found": ("No such credential", "It does not exist, or is not yours.", "List them."),
    "csrf-token-invalid": (
        "The CSRF token is missing or wrong",
        "A browser's session changes something only with the token that our pages know.",
        "Send the token of `GET /v1/sessions/current` in the header X-CSRF-Token.",
    ),
    "currency-fixed": ("The currency cannot change", "A plan keeps its currency.", "Create another plan."),
    "email-taken": ("This e-mail address has an account", "Somebody signed up with it.", "Sign in."),
    "endpoint-ambiguous": ("Which endpoint?", "Two ways to choose it were used.", "Send one of them."),
    "endpoint-missing": ("Where should calls go?", "No endpoint is known.", "Send `endpoint_url`."),
    "idempotency-key-invalid": ("The Idempotency-Key is not usable", "Its length is wrong.", "Send a UUID."),
    "idempotency-key-reused": (
        "The Idempotency-Key was used for another request",
        "A key belongs to one request for 24 hours.",
        "Use a new key for a new request.",
    ),
    "identifier-invalid": ("The identifier cannot be used", "It breaks the rule for identifiers.", "See the detail."),
    "identifier-taken": ("The identifier is taken", "Another one has it.", "Choose another identifier."),
    "insufficient-role": ("Your role does not allow this", "It needs another role.", "Ask an admin."),
    "internal-error": ("Internal error", "Something failed on our side.", "Try again; then tell the operator."),
    "invalid-request": ("The request is not valid", "A field is missing or malformed.", "`errors` names each field."),
    "invalid-stripe-key": (
        "The Stripe key is not one",
        "It has not the form of a Stripe key, or the two keys do not belong together.",
        "Copy both keys again from the Stripe Dashboard, Developers, API keys: both live or both test.",
    ),
    "invoice-not-found": ("No such invoice", "It does not exist, or is not yours.", "List your invoices."),
    "lifecycle-checks-failed": (
        "The API cannot take this step yet",
        "Something is missing; `errors` names each thing.",
        "Publishing needs: deployed to Production, a plan enabled, Stripe connected if a plan costs money.",
    ),
    "logo-invalid": (
        "The logo cannot be used",
        "It is no PNG, JPEG or WebP picture, damaged, or too large.",
        "Save it as PNG of at most 512 KB. SVG is not taken: it is a document that can hold scripts.",
    ),
    "logo-not-found": ("No such logo", "The organization has uploaded none.", "Nothing needs doing."),
    "page-not-found": ("No such page", "The organization has not written it.", "Begin at the portal's APIs."),
    "lifecycle-refused": ("The lifecycle has no such step", "See `GET .../lifecycle`.", "Take a possible step."),
    "method-not-allowed": ("Method not allowed", "The path exists, not the method.", "See /openapi.json."),
    "not-accepted": ("It must be accepted", "Privacy policy and terms of use must be accepted.", "Send true."),
    "not-cancelable-at-period-end": (
        "It cannot be cancelled at the period's end",
        "The subscription has no running period.",
        "Cancel it now.",
    ),
    "not-deployed": ("The API is not deployed", "Promotion copies Development.", "Deploy to Development first."),
    "not-found": ("Not found", "Nothing is at this address.", "Check the URL; see /openapi.json."),
    "nothing-to-resume": ("Nothing to resume", "No cancellation is scheduled.", "Nothing needs doing."),
    "organization-not-found": (
        "No such organization",
        "It does not exist, or you are no member.",
        "Check id and token.",
    ),
    "password-too-weak": ("The password is not good enough", "It is short or well known.", "Choose a longer one."),
    "personal-access-token-not-found": ("No such personal access token", "You have none of this id.", "List them."),
    "plan-enabled": ("An API offers this plan", "It is enabled there.", "Disable it first (Monetize)."),
    "plan-in-use": ("The plan is in use", "Subscriptions use it.", "Deactivate it instead."),
    "policy-invalid": ("The policy cannot be attached", "`errors` names it by its place.", "Correct what is named."),
    "plan-invalid": ("The plan's terms are not valid", "`errors` names each field.", "Correct the fields named."),
    "plan-name-taken": ("The name is taken", "Another plan of the organization has it.", "Choose another name."),
    "plan-not-enabled": ("The plan is not offered", "It is not enabled on this API.", "Choose an enabled plan."),
    "plan-not-found": ("No such plan", "It does not exist, or is another organization's.", "Check id and token."),
    "plan-not-usable": ("No such plan", "It is no active plan of this organization.", "List the plans."),
    "nothing-to-manage": (
        "There is nothing to manage at Stripe",
        "The subscription is free, or nothing was paid for it yet.",
        "Cancel a free subscription in the portal itself; pay for a pending one by its Checkout.",
    ),
    "portal-session-not-found": ("No such billing portal session", "It was another's.", "Open another one."),
    "project-not-found": ("No such project", "The organization has no such project.", "List the projects."),
    "revision-current": ("Nothing to roll back", "This revision is deployed now.", "Choose an earlier one."),
    "revision-not-found": (
        "No such revision",
        "The environment never had it, or its routes are no longer kept.",
        "List the API's deployments and choose one of them.",
    ),
    "sign-in-failed": ("E-mail address or password is wrong", "They do not fit.", "Check both, or sign up."),
    "stripe-not-configured": ("Stripe cannot be connected", "A setting is missing.", "Ask the operator."),
    "stripe-not-connected": (
        "Stripe is not connected",
        "A plan that costs money needs the organization's Stripe account.",
        "An admin connects it: Admin, Settings, Credentials, Stripe Credentials.",
    ),
    "subscription-not-found": ("No such subscription", "It does not exist, or is not yours.", "Check id and token."),
    "too-many-applications": ("Too many applications", "The number is limited.", "Delete one you do not need."),
    "too-many-credentials": ("Too many credentials", "The number is limited.", "Revoke one you do not need."),
    "url-invalid": ("The URL cannot be used", "It is not an http(s) URL.", "Send a full URL."),
    "user-not-found": ("No such user", "Nobody signed up with this address.", "Ask them to sign up."),
    "version-invalid": ("The version cannot be used", "It is part of an address.", "Send a `version` like `v1`."),
}
_GATEWAY = {
    "headers-too-large": (
        "The request's head is too large",
        "More than 100 header fields or 64 KiB of them.",
        "Send fewer or shorter headers; large cookies are the usual reason.",
    ),
    "http-version-not-supported": (
        "This HTTP version is not supported",
        "The gateway speaks HTTP/1.1 and HTTP/1.0.",
        "Use HTTP/1.1; put a front proxy before the gateway for HTTP/2.",
    ),
    "malformed-path": (
        "The path is malformed",
        "It holds dot segments, encoded slashes or characters that a URL cannot have.",
        "Send the path in its plain form.",
    ),
    "not-implemented": (
        "This transfer coding is not implemented",
        "Bodies come with Content-Length or chunked.",
        "Send the body with Content-Length, or with Transfer-Encoding: chunked alone.",
    ),
    "request-timeout": (
        "The request took too long to arrive",
        "Head or body did not arrive in time.",
        "Send the request at once; check the connection.",
    ),
    "missing-credentials": (
        "Credentials are missing",
        "The call has no access token and no API key.",
        "Send `Authorization: Bearer <access token>`. Tokens come from the token endpoint.",
    ),
    "invalid-token": ("The access token is not valid", "It is forged, revoked or another's.", "Get a new token."),
    "expired-token": ("The access token has expired", "Tokens live 3600 s by default.", "Get a new token."),
    "unknown-api-key": ("The API key is not known", "It is misspelt or revoked.", "Check it in the portal."),
    "no-subscription": ("No subscription", "The application does not subscribe to this API.", "Subscribe to a plan."),
    "subscription-ended": ("The subscription has ended", "It was cancelled or has expired.", "Subscribe again."),
    "payment-overdue": ("A payment is overdue", "The last invoice was not paid.", "Pay it: Billing, Invoices."),
    "payment-pending": ("The payment is pending", "Checkout is not complete.", "Complete the payment."),
    "subscription-paused": ("The subscription is paused", "It was paused.", "Resume it, or ask the provider."),
    "wrong-environment": ("Wrong environment", "Sandbox credentials call Development only.", "Use the other ones."),
    "insufficient-scope": ("The token's scope is too small", "The operation needs more.", "Ask for the scope."),
    "payload-too-large": ("The body is too large", "It is above the limit.", "Send less."),
    "tables-stale": ("The gateway has lost its data feed", "It cannot know who may call.", "Try again shortly."),
    "api-blocked": ("The API is blocked", "Its provider blocked it for now.", "Try later, or ask the provider."),
    "no-such-api": ("No such API", "Nothing is served at this address.", "Check the gateway URL in the portal."),
    "no-such-operation": ("No such operation", "The contract has no such path and method.", "See the contract."),
    "too-many-failures": (
        "Too many failed authentications",
        "Your address has sent too many credentials that are not valid.",
        "Wait as Retry-After says, and send a valid one; credentials already in use go on.",
    ),
    "rate-limited": ("Too many calls", "The plan's rate limit is reached.", "Wait as Retry-After says."),
    "quota-reached": ("The quota is used up", "The plan's calls of this period are used.", "Wait, or change plan."),
    "spend-cap-reached": ("The spend cap is reached", "The period's cap is reached.", "Raise it, or wait."),
    "client-address-refused": ("Address refused", "Its provider takes no calls from there.", "Call from elsewhere."),
    "length-required": ("Length required", "This operation limits its bodies.", "Send Content-Length."),
    "upstream-busy": ("The API's backend is busy", "As many calls as allowed are under way.", "Try again shortly."),
    "upstream-timeout": ("The API did not answer in time", "Its backend is slow.", "Try again later."),
    "upstream-unreachable": ("The API cannot be reached", "Its backend is away.", "Try again later."),
    "identity-unavailable": (
        "Callers cannot be named",
        "The API wants its callers named by a signed token, and the gateway has no key for it.",
        "Try again later; the operator sets TOLLWAY_IDENTITY_KEYS.",
    ),
    "recording-unavailable": ("Calls cannot be recorded", "The log is full.", "Try again shortly."),
    "malformed-request": ("The request is malformed", "It breaks HTTP's rules.", "Check the client library."),
}

_SUBSCRIBING = {
    "unknown-api": ("There is no such API", "It was deleted, or never published.", "Choose an API from the portal."),
    "unknown-plan": ("There is no such plan", "It was deleted.", "Choose a plan that the API offers."),
    "plan-inactive": ("The plan is not offered any more", "Its provider deactivated it.", "Choose another plan."),
    "plan-changed": (
        "The plan has changed meanwhile",
        "Its provider made a new version after you chose.",
        "Look at the plan's present terms and subscribe again.",
    ),
    "catalog-not-seen": (
        "The API or plan did not arrive in time",
        "The services did not agree on what was subscribed to within ten minutes.",
        "Subscribe again; if it stays, tell the operator: Kafka or a service was away.",
    ),
    "withdrawn": ("The subscription was withdrawn", "It was cancelled before it began.", "Subscribe again."),
    "billing-incomplete": (
        "Billing could not be finished",
        "The cancellation could not be completed at Stripe within 24 hours.",
        "Ask the provider; the operator sees an alarm with the subscription's id.",
    ),
    "stripe-disconnected": (
        "The provider disconnected Stripe",
        "Paid subscriptions end with the connection.",
        "Ask the provider; subscribe again when Stripe is connected.",
    ),
    "checkout-too-late": (
        "Checkout was completed too late",
        "The subscription had expired or been withdrawn when it was paid. It is cancelled.",
        "Subscribe again.",
    ),
    "stripe-charges-disabled": (
        "Stripe does not let this account charge",
        "Stripe still needs something from the provider, or has restricted the account.",
        "The provider looks for pending verification in the Stripe Dashboard.",
    ),
    "stripe-key-invalid": (
        "Stripe does not know this key",
        "The key is mistyped, expired or revoked.",
        "Copy Secret Key and Publishable Key again from the Stripe Dashboard, Developers > API Keys.",
    ),
    "stripe-keys-different-accounts": (
        "The keys are of two Stripe accounts",
        "Secret Key and Publishable Key must belong to the same account.",
        "Copy both keys from the same account's Dashboard.",
    ),
    "stripe-keys-different-modes": (
        "One key is for test mode, the other for live mode",
        "Both keys must be of the same mode.",
        "Copy both keys in test mode, or both in live mode.",
    ),
    "stripe-permission-missing": (
        "The restricted key lacks a permission",
        "The detail names it.",
        "Give the key that permission in the Stripe Dashboard, or use a standard secret key.",
    ),
    "stripe-webhook-refused": (
        "Stripe refused the webhook endpoint",
        "Stripe must reach our webhook address, and an account has at most 16 endpoints.",
        "Check TOLLWAY_PUBLIC_URL of billing-sync, and delete endpoints that are not used.",
    ),
    "stripe-portal-refused": (
        "Stripe refused to open the billing portal",
        "The detail has Stripe's own reason.",
        "The provider mends it in the Stripe Dashboard; open the billing portal again then.",
    ),
    "stripe-checkout-refused": (
        "Stripe refused to open Checkout",
        "The detail has Stripe's own reason.",
        "The provider mends it in the Stripe Dashboard; subscribe again then.",
    ),
}

PROBLEM_TYPES: dict[str, ProblemType] = {
    name: ProblemType(*texts) for name, texts in sorted((_PORTAL | PEOPLE | _SUBSCRIBING | _GATEWAY).items())
}
