"""Who may use which route: a row for each, from which the tenant isolation tests are made.

A key is the operation id of an endpoint of the API, or `METHOD path` of a page. A new route needs a row; the rest of
its tests come by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi import FastAPI

Who = Literal["anyone", "user", "developer", "viewer", "publisher", "admin"]


@dataclass(frozen=True)
class Access:
    """`user`: anybody who is signed in, and only ever their own things. `developer`: who made the application or
    subscription that the path names. The roles: members of the organization with that role or more."""

    who: Who
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    # A page that only leads to another one, and to which.
    leads_to: str = ""


@dataclass(frozen=True)
class Endpoint:
    """A route of the running application."""

    method: str
    path: str
    key: str
    is_page: bool


ANYONE, USER, DEVELOPER = Access("anyone"), Access("user"), Access("developer")
VIEWER, PUBLISHER, ADMIN = Access("viewer"), Access("publisher"), Access("admin")
STRIPE_SETTINGS = "/console/{organization}/settings/credentials/stripe"

ROUTES: dict[str, Access] = {
    # What everybody may read.
    "GET /problems": ANYONE,
    "GET /problems/{name}": ANYONE,
    "GET /docs": ANYONE,
    "GET /docs/start.js": ANYONE,
    "GET /docs/swagger-ui-bundle.js": ANYONE,
    "GET /docs/swagger-ui.css": ANYONE,
    "GET /docs/favicon-32x32.png": ANYONE,
    "get_jwks": ANYONE,
    "get_authorization_server_metadata": ANYONE,
    "create_access_token": ANYONE,
    # Pages for everybody.
    "GET /": ANYONE,
    "GET /assets/{name}": ANYONE,
    "GET /privacy": ANYONE,
    "GET /terms": ANYONE,
    "GET /sign-in": ANYONE,
    "POST /sign-in": ANYONE,
    "POST /sign-out": ANYONE,
    "GET /verify-email": ANYONE,
    "POST /verify-email": ANYONE,
    "GET /forgot-password": ANYONE,
    "POST /forgot-password": ANYONE,
    "GET /reset-password": ANYONE,
    "POST /reset-password": ANYONE,
    "GET /invitations/accept": ANYONE,
    "POST /invitations/decline": ANYONE,
    "GET /sign-up": ANYONE,
    "POST /sign-up": ANYONE,
    "GET /account/{rest:path}": ANYONE,
    "GET /console/{rest:path}": ANYONE,
    "GET /portal/{rest:path}": ANYONE,
    "GET /portal/{organization}": ANYONE,
    "GET /portal/{organization}/checkout/{outcome}": ANYONE,
    # Pages of the Developer Portal: the catalogue is public.
    "GET /assets/scalar/{name:path}": ANYONE,
    "GET /portal/{organization}/llms.txt": ANYONE,
    "GET /portal/{organization}/brand.css": ANYONE,
    "GET /portal/{organization}/logo.png": ANYONE,
    "GET /portal/{organization}/pages/{page}": ANYONE,
    "GET /portal/{organization}/apis/{api}/llms.md": ANYONE,
    "GET /portal/{organization}/apis": ANYONE,
    "GET /portal/{organization}/apis/{api}": ANYONE,
    "GET /portal/{organization}/apis/{api}/estimate": ANYONE,
    "GET /portal/{organization}/apis/{api}/pricing": ANYONE,
    "GET /portal/{organization}/apis/{api}/reference": ANYONE,
    "GET /portal/{organization}/apis/{api}/subscribe": USER,
    "POST /portal/{organization}/apis/{api}/subscribe": USER,
    "POST /portal/{organization}/apis/{api}/reference/token": USER,
    "GET /portal/{organization}/applications": USER,
    "POST /portal/{organization}/applications": Access("user", {"name": "By page"}),
    "GET /portal/{organization}/applications/{application}": DEVELOPER,
    "POST /portal/{organization}/applications/{application}": Access("developer", {"name": "By page"}),
    "POST /portal/{organization}/applications/{application}/delete": DEVELOPER,
    "GET /portal/{organization}/applications/{application}/keys": ANYONE,  # leads to the tab, which checks
    "GET /portal/{organization}/applications/{application}/keys/{environment}": DEVELOPER,
    "POST /portal/{organization}/applications/{application}/keys/{environment}/api-keys": DEVELOPER,
    "POST /portal/{organization}/applications/{application}/keys/{environment}/api-keys/{key}/revoke": DEVELOPER,
    "POST /portal/{organization}/applications/{application}/keys/{environment}/api-keys/{key}/rotate": DEVELOPER,
    "POST /portal/{organization}/applications/{application}/keys/{environment}/clients": DEVELOPER,
    "POST /portal/{organization}/applications/{application}/keys/{environment}/clients/{client}/rotate": DEVELOPER,
    "POST /portal/{organization}/applications/{application}/keys/{environment}/clients/{client}/token": DEVELOPER,
    "POST /portal/{organization}/applications/{application}/keys/{environment}/clients/{client}/{action}": DEVELOPER,
    "POST /portal/{organization}/applications/{application}/keys/{environment}/lifetime": Access(
        "developer", {"access_token_lifetime_seconds": "600"}
    ),
    "GET /portal/{organization}/billing": USER,
    "GET /portal/{organization}/billing/live": USER,
    "GET /portal/{organization}/billing/invoices": USER,
    "GET /portal/{organization}/billing/invoices.csv": USER,
    "GET /portal/{organization}/billing/invoices/{invoice}": DEVELOPER,
    "GET /portal/{organization}/billing/payment": USER,
    "GET /portal/{organization}/billing/subscriptions": USER,
    "GET /portal/{organization}/billing/usage.csv": USER,
    "GET /portal/{organization}/billing/explain/{subscription}": DEVELOPER,
    "GET /portal/{organization}/billing/subscriptions/{subscription}": DEVELOPER,
    "GET /portal/{organization}/billing/subscriptions/{subscription}/live": DEVELOPER,
    "POST /portal/{organization}/billing/subscriptions/{subscription}/payment": DEVELOPER,
    "GET /portal/{organization}/billing/subscriptions/{subscription}/payment/{session}": DEVELOPER,
    "GET /portal/{organization}/billing/subscriptions/{subscription}/payment/{session}/live": DEVELOPER,
    "POST /portal/{organization}/billing/subscriptions/{subscription}/cancel": Access("developer", {"when": "now"}),
    "POST /portal/{organization}/billing/subscriptions/{subscription}/resume": DEVELOPER,
    "GET /portal/{organization}/subscriptions/{subscription}": DEVELOPER,
    "GET /portal/{organization}/subscriptions/{subscription}/live": DEVELOPER,
    "GET /portal/{organization}/subscriptions/{subscription}/first-call/live": DEVELOPER,
    "POST /portal/{organization}/subscriptions/{subscription}/first-call": DEVELOPER,
    # Pages of one's own account.
    "POST /invitations/accept": USER,
    "GET /account": USER,
    "POST /account": USER,
    "POST /account/verification": USER,
    "POST /account/password": USER,
    "POST /account/email": USER,
    "POST /account/identities/{provider}/link": USER,
    "POST /account/identities/{identity_id}/unlink": USER,
    "GET /account/tokens": USER,
    "POST /account/tokens": USER,
    "POST /account/tokens/{token_id}/revoke": USER,
    "GET /account/security": USER,
    "POST /account/sessions/{session_id}/end": USER,
    "POST /account/sessions/end": USER,
    # Pages of the Console.
    "GET /console/{organization}/members": VIEWER,
    "POST /console/{organization}/members/{user_id}/role": Access("admin", {"role": "viewer"}),
    "POST /console/{organization}/members/{user_id}/remove": ADMIN,
    "POST /console/{organization}/invitations": Access("admin", {"email": "page@example.com", "role": "viewer"}),
    "POST /console/{organization}/invitations/{invitation_id}/revoke": ADMIN,
    "GET /console/{organization}/audit-log": ADMIN,
    "GET /console": USER,
    "GET /console/new": USER,
    "POST /console/new": USER,
    "GET /console/{organization}": VIEWER,
    "GET /console/{organization}/projects/new": VIEWER,
    "GET /console/{organization}/live": VIEWER,
    "GET /console/{organization}/projects/{project}": VIEWER,
    "GET /console/{organization}/projects/{project}/api-proxy": VIEWER,
    "GET /console/{organization}/projects/{project}/import": VIEWER,
    "POST /console/{organization}/projects/{project}/import": PUBLISHER,
    "POST /console/{organization}/projects/{project}/apis": PUBLISHER,
    "GET /console/{organization}/apis/{api}": VIEWER,
    "GET /console/{organization}/apis/{api}/contract": VIEWER,
    "POST /console/{organization}/apis/{api}/contract": PUBLISHER,
    "GET /console/{organization}/apis/{api}/deploy": VIEWER,
    "GET /console/{organization}/apis/{api}/deploy/live": VIEWER,
    "POST /console/{organization}/apis/{api}/deploy": PUBLISHER,
    "POST /console/{organization}/apis/{api}/promote": PUBLISHER,
    "GET /console/{organization}/apis/{api}/policies": VIEWER,
    "GET /console/{organization}/apis/{api}/policies/{environment}": VIEWER,
    "POST /console/{organization}/apis/{api}/policies/{environment}": PUBLISHER,
    "POST /console/{organization}/apis/{api}/policies/{environment}/remove": PUBLISHER,
    "POST /console/{organization}/apis/{api}/roll-back": PUBLISHER,
    "GET /console/{organization}/apis/{api}/monetize": VIEWER,
    "POST /console/{organization}/apis/{api}/monetize": PUBLISHER,
    "GET /console/{organization}/apis/{api}/lifecycle": VIEWER,
    "POST /console/{organization}/apis/{api}/lifecycle": Access("publisher", {"action": "block"}),
    "GET /console/{organization}/apis/{api}/insights": VIEWER,
    "GET /console/{organization}/apis/{api}/insights/live": VIEWER,
    "GET /console/{organization}/settings": Access("viewer", leads_to=STRIPE_SETTINGS),
    "GET /console/{organization}/settings/credentials": Access("viewer", leads_to=STRIPE_SETTINGS),
    "GET /console/{organization}/settings/credentials/stripe": VIEWER,
    "GET /console/{organization}/settings/credentials/stripe/live": VIEWER,
    "POST /console/{organization}/settings/credentials/stripe": ADMIN,
    "POST /console/{organization}/settings/credentials/stripe/disconnect": ADMIN,
    "GET /console/{organization}/settings/branding": VIEWER,
    "GET /console/{organization}/settings/branding/preview": VIEWER,
    "GET /console/{organization}/settings/branding/preview.css": VIEWER,
    "POST /console/{organization}/settings/branding": ADMIN,
    "GET /console/{organization}/settings/plans": VIEWER,
    "POST /console/{organization}/settings/plans/preview": VIEWER,
    "GET /console/{organization}/settings/plans/new": VIEWER,
    "POST /console/{organization}/settings/plans/new": ADMIN,
    "GET /console/{organization}/settings/plans/{plan}": VIEWER,
    "POST /console/{organization}/settings/plans/{plan}": ADMIN,
    "POST /console/{organization}/settings/plans/{plan}/status": ADMIN,
    "POST /console/{organization}/settings/plans/{plan}/delete": ADMIN,
    "GET /console/{organization}/settings/payments": VIEWER,
    "POST /console/{organization}/settings/payments": Access("admin", {"grace_days": "5"}),
    "GET /console/{organization}/subscriptions": VIEWER,
    "POST /console/{organization}/subscriptions/{subscription}/end": ADMIN,
    "POST /console/{organization}/projects/new": Access("publisher", {"display_name": "By page"}),
    # Accounts: the doors themselves, and what proves who somebody is.
    "create_user": ANYONE,
    "create_session": ANYONE,
    "confirm_email": ANYONE,
    "request_password_reset": ANYONE,
    "reset_password": ANYONE,
    "look_up_invitation": ANYONE,
    "decline_invitation": ANYONE,
    "get_sign_in_providers": ANYONE,
    "GET /sign-in/with/{provider}": ANYONE,
    "GET /sign-in/with/{provider}/callback": ANYONE,
    # One's own account.
    "get_current_user": USER,
    "change_current_user": Access("user", {"name": "Somebody"}),
    "get_current_session": USER,
    "delete_current_session": USER,
    "list_sessions": USER,
    "delete_session": USER,
    "delete_sessions": USER,
    "create_personal_access_token": Access("user", {"name": "another"}),
    "list_personal_access_tokens": USER,
    "delete_personal_access_token": USER,
    "request_email_verification": USER,
    "change_email": Access("user", {"email": "new@example.com", "password": "not the right one"}),
    "change_password": Access("user", {"current_password": "not the right one", "new_password": "a calm blue lake"}),
    "get_linked_identities": USER,
    "link_identity": USER,
    "unlink_identity": USER,
    "list_my_audit_entries": USER,
    "accept_invitation": Access("user", {"token": "none"}),
    # Organizations.
    "create_organization": Access("user", {"name": "x"}),
    "list_organizations": USER,
    "get_organization": VIEWER,
    "change_organization": Access("admin", {"name": "Renamed"}),
    "get_branding": VIEWER,
    "set_branding": Access("admin", {"portal_name": "Renamed"}),
    "set_logo": ADMIN,
    "delete_logo": ADMIN,
    "get_brand_page": VIEWER,
    "set_brand_page": Access("admin", {"markdown": "Hello"}),
    "create_project": Access("publisher", {"display_name": "Another Project"}),
    "list_projects": VIEWER,
    "get_project": VIEWER,
    "list_members": VIEWER,
    "change_member": Access("admin", {"role": "viewer"}),
    "delete_member": ADMIN,
    "transfer_organization": Access("admin", {"user_id": "user_x"}),
    "create_invitation": Access("admin", {"email": "invited@example.com", "role": "viewer"}),
    "list_invitations": ADMIN,
    "delete_invitation": ADMIN,
    "list_audit_entries": ADMIN,
    # Catalogue.
    "create_api": Access("publisher", {"openapi": {"document": "openapi: 3.0.3"}}),
    "list_apis": VIEWER,
    "get_api": VIEWER,
    "list_operations": VIEWER,
    "get_document": VIEWER,
    "list_environments": VIEWER,
    "set_development_endpoint": Access("publisher", {"endpoint_url": None}),
    "create_deployment": Access("publisher", {}),
    "create_promotion": Access("publisher", {"use_development_endpoint_configuration": True}),
    "get_deployment_history": VIEWER,
    "roll_back_deployment": Access("publisher", {"revision": 1}),
    "replace_document": Access("publisher", {"document": "openapi: 3.0.3"}),
    "list_organization_apis": VIEWER,
    "list_organization_subscriptions": VIEWER,
    "get_calls": VIEWER,
    "get_plan_figures": VIEWER,
    "get_lifecycle": VIEWER,
    "change_lifecycle": Access("publisher", {"action": "publish"}),
    "create_plan": Access("admin", {"name": "Another", "pricing_model": "free"}),
    "list_plans": VIEWER,
    "get_plan": VIEWER,
    "change_plan": Access("admin", {"description": "changed"}),
    "delete_plan": ADMIN,
    "set_api_plans": Access("publisher", {"plan_ids": []}),
    "list_api_plans": VIEWER,
    "list_plan_versions": VIEWER,
    "list_policy_kinds": USER,
    "list_policies": VIEWER,
    "set_policies": Access("publisher", {"policies": []}),
    "set_payment_grace": Access("admin", {"grace_days": 3}),
    "get_payment_grace": VIEWER,
    "open_billing_portal": Access("developer", {}),
    "get_billing_portal": DEVELOPER,
    # Stripe, and what the provider does with subscriptions.
    "connect_stripe": Access("admin", {"secret_key": "sk_test_" + "a" * 24, "publishable_key": "pk_test_" + "a" * 24}),
    "get_stripe_connection": VIEWER,
    "disconnect_stripe": ADMIN,
    "end_subscription": ADMIN,
    # The developer portal: the catalogue is public, the rest is the developer's own.
    "list_portal_apis": ANYONE,
    "get_portal_tags": ANYONE,
    "get_portal_api": ANYONE,
    "get_portal_api_contract": ANYONE,
    "estimate_plans": Access("anyone", query={"units": "1000"}),
    "create_application": Access("user", {"name": "Another App"}),
    "list_applications": USER,
    "list_subscriptions": USER,
    "list_billed_subscriptions": USER,
    "get_usage_summary": USER,
    "get_usage": USER,
    "export_usage": USER,
    "list_invoices": USER,
    "export_invoices": USER,
    "get_invoice": DEVELOPER,
    "get_application": DEVELOPER,
    "update_application": Access("developer", {"name": "Renamed App"}),
    "delete_application": DEVELOPER,
    "create_oauth_client": Access("developer", {"environment": "production"}),
    "list_oauth_clients": DEVELOPER,
    "revoke_oauth_client": DEVELOPER,
    "revoke_oauth_client_tokens": DEVELOPER,
    "end_oauth_client_grace": DEVELOPER,
    "rotate_oauth_client_secret": Access("developer", {}),
    "generate_access_token": DEVELOPER,
    "create_api_key": Access("developer", {"environment": "production"}),
    "list_api_keys": DEVELOPER,
    "revoke_api_key": DEVELOPER,
    "rotate_api_key": Access("developer", {}),
    "create_subscription": Access("developer", {"api_id": "api_x", "plan_id": "plan_x"}),
    "get_subscription": DEVELOPER,
    "cancel_subscription": Access("developer", {"when": "now"}),
    "resume_subscription": DEVELOPER,
}


def endpoints(app: FastAPI) -> Iterator[Endpoint]:
    """Every route of the application, pages included."""
    for route in _routes(app.routes):
        methods = getattr(route, "methods", None) or ()
        path = getattr(route, "path", "")
        for method in sorted(set(methods) - {"HEAD", "OPTIONS"}):
            if path == "/openapi.json":
                continue
            operation = getattr(route, "operation_id", None)
            is_page = not getattr(route, "include_in_schema", True)
            yield Endpoint(method, path, operation or f"{method} {path}", is_page)


def _routes(routes: Any) -> Iterator[Any]:
    """FastAPI keeps an included router as one route."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _routes(inner.routes)
        else:
            yield route
