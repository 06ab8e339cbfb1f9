"""Forms: read within limits, only from our own pages, shown again with what was typed and what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile

from portal_api.identity.domain.user import csrf_token_of
from portal_api.web.kit.viewer import Viewer, is_token
from shared.errors import DomainError

CSRF_FIELD = "csrf_token"
MAX_BYTES = 64 * 1024
MAX_FIELDS = 1_000
_OWN_SITES = ("same-origin", "none")


@dataclass(slots=True)
class Form:
    """What was sent, or what a page begins with. `errors` by field; `problem` is the refusal as a whole."""

    values: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, UploadFile] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    problem: DomainError | None = None

    @classmethod
    def of(cls, **values: object) -> "Form":
        """A page's first form."""
        return cls({name: _texts(value) for name, value in values.items()})

    def text(self, name: str, *, label: str = "", required: bool = False, max_length: int = 2_000) -> str:
        """A field without the space around it; notes an error where it is missing or too long."""
        value = (self.values.get(name) or [""])[0].strip()
        if required and not value:
            self.errors.setdefault(name, f"{label or name} is needed.")
        if len(value) > max_length:
            self.errors.setdefault(name, f"At most {max_length} characters; this has {len(value)}.")
        return value

    def raw(self, name: str) -> str:
        """A field exactly as it was sent (passwords, documents)."""
        return (self.values.get(name) or [""])[0]

    def flag(self, name: str) -> bool:
        """Whether a box is ticked."""
        return bool(self.values.get(name))

    def many(self, name: str) -> list[str]:
        """All values of a repeated field."""
        return list(self.values.get(name, ()))

    def integer(self, name: str, *, label: str = "") -> int | None:
        """A whole number, also as `1,000`; None when empty; notes an error otherwise."""
        value = self.text(name, max_length=40).replace(",", "").replace(" ", "")
        if not value:
            return None
        if not value.isdecimal():
            self.errors.setdefault(name, f"{label or name} must be a whole number.")
            return None
        return int(value)

    def fail(self, error: DomainError, names: Mapping[str, str] | None = None) -> None:
        """Put a refusal beside the fields it names; `names` maps the API's field names to the page's."""
        known = names or {}
        self.problem = error
        for one in error.errors:
            name, message = one.get("field"), one.get("message")
            if isinstance(name, str) and isinstance(message, str):
                self.errors.setdefault(known.get(name, name), message)
        if error.field is not None:
            self.errors.setdefault(known.get(error.field, error.field), error.detail)


def _texts(value: object) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return ["on"]
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [str(value)]
    return [str(one) for one in value]


async def read_form(
    request: Request, viewer: Viewer, *, base_url: str, session_token: str | None, max_bytes: int = MAX_BYTES
) -> Form:
    """A form of our own pages. Another site's cannot be sent here, nor one without the session's CSRF token."""
    check_origin(request, base_url)
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > max_bytes:
        raise DomainError("payload-too-large", 413, "The form is too large", f"At most {max_bytes} bytes are read.")
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        form = await _multipart(request, max_bytes)
    else:
        form = await _urlencoded(request, max_bytes)
    if viewer.actor is not None and session_token:
        sent = form.raw(CSRF_FIELD) or request.headers.get("x-csrf-token", "")
        if not is_token(sent, csrf_token_of(session_token)):
            raise _foreign()
    form.values.pop(CSRF_FIELD, None)
    return form


def check_origin(request: Request, base_url: str) -> None:
    """Browsers say where a form comes from: in Sec-Fetch-Site, and older ones in Origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OWN_SITES:
        raise _foreign()
    origin = request.headers.get("origin")
    if origin is not None and origin not in (base_url, f"{request.url.scheme}://{request.url.netloc}"):
        raise _foreign()


async def _urlencoded(request: Request, max_bytes: int) -> Form:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise DomainError("payload-too-large", 413, "The form is too large", f"At most {max_bytes} bytes are read.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise DomainError("invalid-request", 422, "The form cannot be read", "Open the page again.") from error
    form = Form()
    for name, value in pairs:
        form.values.setdefault(name, []).append(value)
    return form


async def _multipart(request: Request, max_bytes: int) -> Form:
    form = Form()
    for name, value in (await request.form(max_files=4, max_fields=MAX_FIELDS, max_part_size=max_bytes)).multi_items():
        if isinstance(value, UploadFile):
            if value.filename:
                form.files[name] = value
        else:
            form.values.setdefault(name, []).append(value)
    return form


def _foreign() -> DomainError:
    return DomainError("csrf-token-invalid", 403, "This form is not ours", "Open the page again and send it there.")
