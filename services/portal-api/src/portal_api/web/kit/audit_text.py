"""Entries of the audit log as sentences. Who did it stands beside them: each begins with what was done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal_api.audit.domain.entry import Entry

Facts = Mapping[str, Any]
# What the filter of the log calls each kind of thing.
KIND_NAMES: Mapping[str, str] = {
    "organization": "Organization",
    "member": "Members",
    "invitation": "Invitations",
    "project": "Projects",
    "api": "APIs",
    "contract": "API contracts",
    "plan": "Subscription Plans",
    "application": "Applications",
    "oauth_client": "OAuth2 keys",
    "api_key": "API keys",
    "subscription": "Subscriptions",
    "stripe": "Stripe",
    "billing_portal": "Stripe's billing portal",
    "branding": "Branding",
    "brand_page": "Pages of the portal",
}
ACTION_NAMES: Mapping[str, str] = {
    "created": "Created", "updated": "Changed", "deleted": "Deleted", "ordered": "Asked of another service",
}  # fmt: skip
# kind: (created, updated, deleted)
_ROWS: Mapping[str, tuple[str, str, str]] = {
    "organization": ("Created the organization", "Changed the organization", "Deleted the organization"),
    "member": ("Joined the organization", "Changed a member", "Removed a member"),
    "invitation": ("Invited somebody", "Changed an invitation", "Deleted an invitation"),
    "project": ("Created a project", "Changed a project", "Deleted a project"),
    "api": ("Created an API", "Changed an API", "Deleted an API"),
    "contract": ("Imported a contract", "Replaced the contract of an API", "Deleted a contract"),
    "plan": ("Created a plan", "Changed a plan", "Deleted a plan"),
    "application": ("Created an application", "Changed an application", "Deleted an application"),
    "oauth_client": ("Generated OAuth2 keys", "Changed OAuth2 keys", "Deleted OAuth2 keys"),
    "api_key": ("Created an API key", "Changed an API key", "Deleted an API key"),
    "user": ("Created the account", "Changed the account", "Deleted the account"),
    "session": ("Signed in", "Signed in again", "Signed out"),
    "personal_access_token": ("Created an access token", "Changed an access token", "Revoked an access token"),
    "external_identity": ("Linked a sign-in", "Changed a linked sign-in", "Unlinked a sign-in"),
    "branding": ("Chose the portal's looks", "Changed the portal's looks", "Took the portal's looks back"),
    "brand_page": ("Wrote a page of the portal", "Changed a page of the portal", "Removed a page of the portal"),
}
KINDS = frozenset(_ROWS)
_ENDED_BY = {
    "developer": "Cancelled a subscription",
    "provider": "Ended a developer's subscription",
    "application_deleted": "Ended a subscription with its application",
}
_WHEN = {"now": "at once", "period_end": "at the period's end"}


def _cancelled(said: Facts) -> str:
    return " ".join((_ENDED_BY.get(said.get("by", ""), "Ended a subscription"), _WHEN.get(said.get("when", ""), "")))


def _grace(said: Facts) -> str:
    days = said.get("grace_days")
    return f"Set the grace after a failed payment to {days} {'day' if days == 1 else 'days'}"


# By the type of the command that went to another service.
ORDERS: Mapping[str, Callable[[Facts], str]] = {
    "subscription.requested.v1": lambda said: "Asked for a subscription",
    "subscription.cancel_requested.v1": _cancelled,
    "subscription.resume_requested.v1": lambda said: "Resumed a subscription",
    "organization.payment_grace_set.v1": _grace,
    "stripe.connect_requested.v1": lambda said: "Saved Stripe credentials",
    "stripe.disconnect_requested.v1": lambda said: "Disconnected Stripe",
    "billing_portal.requested.v1": lambda said: "Opened Stripe's billing portal",
}
_INVITATION = {
    "accepted": "Accepted an invitation", "declined": "Declined an invitation", "revoked": "Revoked an invitation",
}  # fmt: skip
_ENVIRONMENTS = (
    ("production", "Promoted revision {} to Production"),
    ("development", "Deployed revision {} to Development"),
)
# The first of these that changed says what an account's change was.
_ACCOUNT = (
    ("password_hash", "Changed the password"),
    ("email", "Changed the e-mail address"),
    ("email_verified_at", "Confirmed the e-mail address"),
    ("name", "Changed the name"),
)


def sentence(entry: Entry) -> str:
    """What was done, for a person: `Promoted revision 3 to Production`."""
    if entry.action == "ordered":
        said = ORDERS.get(str(entry.after.get("type", "")))
        return said(entry.after).strip() if said else f"Asked another service about {_name(entry.target_type)}"
    if entry.action == "updated" and (closer := _UPDATES.get(entry.target_type)) and (text := closer(entry)):
        return text
    if entry.target_type not in _ROWS:
        return f"{ACTION_NAMES[entry.action]}: {_name(entry.target_type)}"
    created, updated, deleted = _ROWS[entry.target_type]
    return {"created": created, "updated": updated}.get(entry.action, deleted)


def about(entry: Entry) -> str:
    """Its name, else its id; nothing where the organization itself is meant."""
    return entry.target_name or ("" if entry.target_id == entry.organization_id else entry.target_id)


def _name(kind: str) -> str:
    return kind.replace("_", " ")


def _api(entry: Entry) -> str | None:
    after = entry.after
    if "lifecycle" in after:
        return f"Moved an API to {after['lifecycle']}"
    for environment, text in _ENVIRONMENTS:
        if f"{environment}.revision" in after:
            return text.format(after[f"{environment}.revision"])
    return "Chose the plans of an API" if "plan_ids" in after or "plan_ids" in entry.before else None


def _plan(entry: Entry) -> str | None:
    status = entry.after.get("status")
    if status in ("active", "inactive"):
        return "Activated a plan" if status == "active" else "Deactivated a plan"
    return "Gave a plan new terms" if any(key.startswith("terms.") for key in (*entry.before, *entry.after)) else None


def _member(entry: Entry) -> str | None:
    role = entry.after.get("role")
    return f"Made a member {role}" if role else None


def _invitation(entry: Entry) -> str | None:
    return _INVITATION.get(entry.after.get("status", ""), "Sent an invitation again")


def _account(entry: Entry) -> str | None:
    return next((text for key, text in _ACCOUNT if key in entry.after), None)


def _keys(name: str) -> Callable[[Entry], str | None]:
    def said(entry: Entry) -> str | None:
        if entry.after.get("status") == "revoked" or "revoked_at" in entry.after:
            return f"Revoked {name}"
        return f"Rotated {name}" if any("hash" in key for key in entry.after) else None

    return said


_UPDATES: Mapping[str, Callable[[Entry], str | None]] = {
    "api": _api,
    "plan": _plan,
    "member": _member,
    "invitation": _invitation,
    "user": _account,
    "oauth_client": _keys("OAuth2 keys"),
    "api_key": _keys("an API key"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field. None: it was, or is, not set."""

    field: str
    before: str | None
    after: str | None


def changes(entry: Entry) -> tuple[list[Change], list[Change]]:
    """(what a person reads at once, what only a closer look needs): an update's short values, and all the rest."""
    keys = [*entry.after, *(key for key in entry.before if key not in entry.after)]
    found = [(key, Change(_field(key), _value(entry.before.get(key)), _value(entry.after.get(key)))) for key in keys]
    if entry.action != "updated":
        return [], [change for _, change in found]
    short = [change for key, change in found if not _is_long(entry, key)]
    return short, [change for key, change in found if _is_long(entry, key)]


def _is_long(entry: Entry, key: str) -> bool:
    values = (entry.before.get(key), entry.after.get(key))
    return key.endswith("_at") or any(isinstance(value, dict | list) or len(str(value)) > 120 for value in values)


def _field(key: str) -> str:
    """`development.upstream_url` -> `Development: upstream URL`."""
    words = key.replace("_", " ").replace(".", ": ").replace("url", "URL")
    return words[:1].upper() + words[1:]


def _value(value: Any) -> str | None:
    if isinstance(value, dict):
        return ", ".join(f"{_name(str(key))} {_value(part) or '–'}" for key, part in value.items()) or None
    if isinstance(value, list):
        return ", ".join(_value(part) or "–" for part in value) or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value in (None, "") else str(value)
