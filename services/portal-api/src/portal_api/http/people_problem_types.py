"""Problem types of accounts, organizations and their members: title, cause, cure."""

PEOPLE = {
    "account-not-confirmed": (
        "Confirm the account first",
        "There is an account with this e-mail address that nobody has confirmed; it may be a stranger's.",
        "Choose a password with the link that we sent to the address; then sign in again.",
    ),
    "identity-linked-elsewhere": (
        "Linked to another account",
        "Somebody at an identity provider is one user here.",
        "Sign in with that account and take the link away there.",
    ),
    "identity-not-found": ("No such linked sign-in", "It was taken away, or is not yours.", "List them."),
    "last-sign-in": (
        "Your only way to sign in",
        "Without it nobody could open the account.",
        "Choose a password first, or link another provider.",
    ),
    "provider-email-not-verified": (
        "The e-mail address is not verified",
        "The identity provider does not vouch for your address, and only a proven address opens an account.",
        "Verify the address there, or sign up with a password.",
    ),
    "provider-not-found": (
        "No such identity provider",
        "This installation is not set up for it.",
        "Use another way to sign in.",
    ),
    "provider-refused": (
        "Signing in elsewhere failed",
        "The identity provider did not let you in, or its answer could not be verified.",
        "Try again, or sign in with your password.",
    ),
    "provider-unreachable": (
        "The identity provider does not answer",
        "It is away, or its address in the settings is wrong.",
        "Try again in a moment, or sign in with your password.",
    ),
    "sign-in-expired": (
        "This sign-in is not valid any more",
        "It took longer than ten minutes, was finished before, or began in another browser.",
        "Begin again on the sign-in page.",
    ),
    "email-not-verified": (
        "Your e-mail address is not confirmed",
        "Inviting others needs an address that is proven to be yours.",
        "Follow the link in the confirmation mail, or ask for another one.",
    ),
    "invitation-for-another": (
        "The invitation is for somebody else",
        "An invitation belongs to the e-mail address that it was sent to.",
        "Sign in with that address, or ask for an invitation of yours.",
    ),
    "invitation-not-found": ("No such invitation", "It was answered or revoked.", "List the open invitations."),
    "last-admin": (
        "The last admin",
        "An organization keeps at least one admin.",
        "Make another member admin, or transfer the organization.",
    ),
    "member-not-found": ("No such member", "The user has no role in this organization.", "List the members."),
    "too-many-invitations": (
        "Too many open invitations",
        "The number of unanswered invitations is limited.",
        "Revoke some of them.",
    ),
    "transfer-to-oneself": ("That is you", "A transfer names another member.", "Name another member."),
    "link-not-valid": (
        "This link is not valid",
        "Links from mails work once and for a while; a newer mail ends the older ones.",
        "Ask for another mail.",
    ),
    "no-password": (
        "The account has no password",
        "It was made by signing in elsewhere.",
        "Ask for a password by mail (`Forgot your password?`).",
    ),
    "password-wrong": ("The password is wrong", "It is not your present password.", "Enter it again, or reset it."),
    "session-not-found": ("No such session", "It is over, or is not yours.", "List your sessions."),
    "session-required": (
        "Sign in with a session for this",
        "Personal access tokens are made by a person, not by another token.",
        "Sign in with the browser, or with `POST /v1/sessions`.",
    ),
    "token-read-only": (
        "The token may only read",
        "It has the scope `read` alone.",
        "Use a personal access token with the scope `write`.",
    ),
    "too-many-requests": (
        "Too many requests",
        "Something that costs others something (mails, accounts) was asked for too often.",
        "Wait as long as `Retry-After` says.",
    ),
    "too-many-sign-in-attempts": (
        "Too many failed sign-ins",
        "Wrong passwords were tried again and again, for this account or from this network address.",
        "Wait as long as the message says; for one account, a password reset by mail opens it at once.",
    ),
}
