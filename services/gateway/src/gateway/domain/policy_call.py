"""A call as policies see it."""

from gateway.domain.request_head import RequestHead
from gateway.domain.route import ApiRoutes
from shared.events.identity import CredentialState
from shared.events.subscriptions import Access
from shared.policy_kind import PolicyCall


def policy_call(
    head: RequestHead, peer: bytes, rest: bytes, access: Access, api: ApiRoutes, credential: CredentialState
) -> PolicyCall:
    """`peer`: the caller's address; `rest`: what is appended to the upstream's."""
    return PolicyCall(
        method=head.method,
        rest=rest,
        lines=head.lines,
        address=peer.decode("latin-1"),
        length=-1 if head.chunked else max(head.length, 0),
        scopes=frozenset(credential.scopes),
        application=credential.application_number,
        subscription=access.subscription_number,
        plan_version=access.plan_version_number,
        organization_id=api.organization_id,
        environment=api.environment,
    )
