"""Where a URL that a user gave us leads; whether we may go there says shared.addresses."""

from urllib.parse import urlsplit

from shared.addresses import Target

_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_target(url: str) -> Target | str:
    """The target of an http(s) URL, or why it is none, as a sentence."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is not a URL."
    if parts.scheme not in _DEFAULT_PORTS:
        return "A URL begins with http:// or https://."
    if not parts.hostname:
        return "The URL names no host."
    if parts.username is not None or parts.password is not None:
        return "A URL with a user name or password in it is not accepted."
    if any(c.isspace() or ord(c) < 32 for c in url):
        return "A URL has no spaces in it."
    return Target(parts.hostname, port or _DEFAULT_PORTS[parts.scheme])
