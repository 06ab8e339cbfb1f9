"""Kit: what `main` makes once and hands to every page; its routes turn errors into pages."""

import gzip
import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, urlsplit

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment
from starlette.exceptions import HTTPException

from portal_api.http.dependencies import HttpDependencies
from portal_api.identity.domain.access import Actor
from portal_api.web.kit import flash as flashes
from portal_api.web.kit.assets import Assets
from portal_api.web.kit.flash import Flash
from portal_api.web.kit.forms import MAX_BYTES, Form, read_form
from portal_api.web.kit.live import Live
from portal_api.web.kit.problems import explain
from portal_api.web.kit.rendering import environment
from portal_api.web.kit.viewer import Viewer, viewer_of
from shared.clock import Clock
from shared.errors import DomainError
from shared.observability.tracing import current_trace_id

log = structlog.get_logger()
_COMPRESS_FROM_BYTES = 800
# Of 76 KB of Usage Summary, 2 leaves 9.3 KB in 0.5 ms, 5 leaves 7.6 KB in 1.0 ms.
_COMPRESS_LEVEL = 2
_FOREVER, _ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"
# A file that is opened by itself does nothing.
_ALONE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Kit:
    """`signed_in` and `anybody` are FastAPI dependencies that give the page's Viewer."""

    http: HttpDependencies
    clock: Clock
    live: Live
    session_cookie: str
    secure_cookies: bool
    flash_key: bytes
    assets: Assets = field(default_factory=Assets)
    _templates: list[Environment] = field(default_factory=list)

    @property
    def templates(self) -> Environment:
        """Made at first use."""
        if not self._templates:
            self._templates.append(environment(self.assets, self.clock))
        return self._templates[0]

    def router(self) -> APIRouter:
        """For pages: outside the documented API, errors become pages."""
        return APIRouter(include_in_schema=False, route_class=_route_class(self))

    def anybody(self) -> Callable[..., Coroutine[Any, Any, Viewer]]:
        """`Annotated[Viewer, Depends(kit.anybody())]`: signed in or not."""
        cookie = self.session_cookie

        async def find(request: Request, actor: Actor | None = Depends(self.http.optional_actor)) -> Viewer:
            viewer = viewer_of(request, actor, request.cookies.get(cookie))
            request.state.viewer = viewer
            return viewer

        return find

    def signed_in(self) -> Callable[..., Coroutine[Any, Any, Viewer]]:
        """As `anybody`, but a stranger is led to the sign-in page and back."""
        find = self.anybody()

        async def require(request: Request, viewer: Viewer = Depends(find)) -> Viewer:
            if viewer.actor is None:
                raise _SignInFirst
            return viewer

        return require

    async def form(
        self, request: Request, viewer: Viewer, *, max_bytes: int = MAX_BYTES, of_session: bool = True
    ) -> Form:
        """What was sent, if it came from a page of ours. `of_session` False: signing in, where no session is used."""
        token = request.cookies.get(self.session_cookie) if of_session else None
        return await read_form(request, viewer, base_url=self.http.base_url, session_token=token, max_bytes=max_bytes)

    def page(
        self, request: Request, viewer: Viewer, template: str, *, status: int = 200, policy: str = "", **values: Any
    ) -> Response:
        """Render a template. `policy` replaces the Content-Security-Policy (see `content_policy`)."""
        flash = self._flash(request)
        html = self.templates.get_template(template).render(viewer=viewer, flash=flash, **values)
        answer = HTMLResponse(html, status_code=status, headers=_HEADERS)
        if policy:
            answer.headers["Content-Security-Policy"] = policy
        if flash is not None:
            answer.delete_cookie(flashes.COOKIE, path="/")
        return answer

    def fragment(self, viewer: Viewer, template: str, **values: Any) -> str:
        """A piece of a page, for htmx and streams."""
        return self.templates.get_template(template).render(viewer=viewer, **values)

    def redirect(self, target: str, *, flash: str = "", tone: str = "good") -> RedirectResponse:
        """After a form: see other, with a word in passing."""
        answer = RedirectResponse(target, status_code=303)
        if flash:
            value = flashes.encode(Flash(flash, "bad" if tone == "bad" else "good"), self.flash_key)
            answer.set_cookie(
                flashes.COOKIE, value, max_age=flashes.LIFE_SECONDS, httponly=True, samesite="lax",
                secure=self.secure_cookies, path="/",
            )  # fmt: skip
        return answer

    def error_page(self, request: Request, error: DomainError) -> Response:
        """A refusal as a page: what, why, and what to do."""
        viewer = getattr(request.state, "viewer", None) or viewer_of(request, None, None)
        return self.page(
            request, viewer, "kit/error.html", status=error.status, error=error, advice=explain(error.problem)
        )

    def _flash(self, request: Request) -> Flash | None:
        value = request.cookies.get(flashes.COOKIE)
        return flashes.decode(value, self.flash_key) if value else None


class _SignInFirst(Exception):
    """A stranger wants a page that needs somebody."""


def local_path(target: str) -> str:
    """Only paths of ours: a redirect never leads elsewhere."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    return target if target.isprintable() else "/"


def content_policy(*, form_action: str = "", connect: str = "") -> str:
    """The pages' Content-Security-Policy; a page that leads to Stripe or calls the gateway names it here."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; font-src 'self';"
        f" img-src 'self' data:; connect-src 'self' {connect}; form-action 'self' {form_action}; base-uri 'none';"
        " frame-ancestors 'none'; object-src 'none'; manifest-src 'self'"
    )


POLICY = content_policy()


def file_answer(request: Request, content: bytes, media_type: str, version: str = "") -> Response:
    """A style sheet or picture from the database, with an ETag; the address with `?v=version` may be kept for ever."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    is_named = version != "" and request.query_params.get("v") == version
    headers = {"ETag": etag, "Cache-Control": _FOREVER if is_named else _ASK_AGAIN, "Content-Security-Policy": _ALONE}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _route_class(kit: Kit) -> type[APIRoute]:
    class PageRoute(APIRoute):
        """Errors become pages, answers are compressed."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            original = super().get_route_handler()

            async def handle(request: Request) -> Response:
                try:
                    answer = await original(request)
                except _SignInFirst:
                    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                    return RedirectResponse(
                        f"/sign-in?next={quote(back if request.method == 'GET' else '/', safe='/')}", status_code=303
                    )
                except DomainError as error:
                    answer = kit.error_page(request, error)
                except (RequestValidationError, HTTPException) as error:
                    log.info("page refused", path=request.url.path, error=str(error))
                    answer = kit.error_page(request, NOT_FOUND)
                except Exception as error:
                    # The page says what the REST API would: nothing of the inside, and a name for the operator.
                    log.error("unexpected error", path=request.url.path, exc_info=error)
                    answer = kit.error_page(request, _unexpected())
                answer.headers.setdefault("Content-Security-Policy", POLICY)
                return _compressed(request, answer)

            return handle

    return PageRoute


NOT_FOUND = DomainError("not-found", 404, "Not found", "Nothing is at this address. Check it, or begin at home.")


def _unexpected() -> DomainError:
    detail = f"Something failed on our side. Try again; if it stays, tell the operator: {current_trace_id() or '-'}"
    return DomainError("internal-error", 500, "Internal error", detail)


def _compressed(request: Request, answer: Response) -> Response:
    if not isinstance(answer, HTMLResponse) or "gzip" not in request.headers.get("accept-encoding", ""):
        return answer
    body = cast(bytes, answer.body)
    if len(body) < _COMPRESS_FROM_BYTES:
        return answer
    answer.body = gzip.compress(body, _COMPRESS_LEVEL)
    answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Content-Length"] = str(len(answer.body))
    answer.headers.append("Vary", "Accept-Encoding")
    return answer
