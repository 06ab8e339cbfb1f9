"""An OpenID Connect issuer (and GitHub's dialect of OAuth2) on a real port: it signs real tokens and checks what it is
sent. Tests turn its knobs to make it lie."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "tollway-client", "a secret of the client"


@dataclass
class Issuer:
    """`person` is who is signed in there; `claims` replaces claims of the next ID tokens."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    sign_with: str = "key"
    grants: dict[str, dict[str, str]] = field(default_factory=dict)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    refusals: list[str] = field(default_factory=list)

    def rotate(self) -> None:
        """Another key, which nobody has fetched yet."""
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig"})

    async def configuration(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "id_token_signing_alg_values_supported": ["ES256"],
            }
        )

    async def jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """The person is signed in and agrees at once."""
        asked = dict(request.query_params)
        code = secrets.token_urlsafe(16)
        self.grants[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", status_code=302)

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        grant = self.grants.pop(form.get("code", ""), None)
        fault = self._fault(request, form, grant)
        if fault or grant is None:
            self.refusals.append(fault or "unknown code")
            return JSONResponse({"error": "invalid_grant", "error_description": fault}, status_code=400)
        answer = {"access_token": "an access token", "token_type": "Bearer", "expires_in": 60}
        if "openid" in grant["scope"]:
            answer["id_token"] = self._id_token(grant)
        return JSONResponse(answer)

    def _fault(self, request: Request, form: dict[str, str], grant: dict[str, str] | None) -> str:
        if grant is None:
            return "unknown code"
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        sent = request.headers.get("authorization")
        if sent != f"Basic {basic}" and (form.get("client_id"), form.get("client_secret")) != (
            CLIENT_ID,
            CLIENT_SECRET,
        ):
            return "client authentication"
        if form.get("redirect_uri") != grant["redirect_uri"]:
            return "redirect_uri"
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (grant.get("code_challenge_method"), grant.get("code_challenge")) != ("S256", challenge):
            return "PKCE"
        return ""

    def _id_token(self, grant: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": grant["nonce"], **self.person,
            **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign_with == "none":
            return ".".join(_base64(part) for part in (b'{"alg":"none"}', _json(claims))) + "."
        if self.sign_with == "public key as secret":
            # By hand: libraries refuse to make such a token.
            head = ".".join(_base64(part) for part in (_json({"alg": "HS256", "kid": self.key.kid}), _json(claims)))
            return f"{head}.{_base64(hmac.digest(self.key.as_pem(private=False), head.encode(), 'sha256'))}"
        key = self.key if self.sign_with == "key" else ECKey.generate_key("P-256", {"kid": self.key.kid})
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, key)

    async def userinfo(self, request: Request) -> Response:
        return JSONResponse(self.person)

    async def github_user(self, request: Request) -> Response:
        return JSONResponse({"id": self.person["id"], "login": self.person["login"], "name": self.person.get("name")})

    async def github_emails(self, request: Request) -> Response:
        return JSONResponse(self.person["emails"])


def _json(value: object) -> bytes:
    import json

    return json.dumps(value).encode()


def _base64(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """In a thread, on a free port."""
    issuer = Issuer()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", issuer.configuration),
            Route("/jwks", issuer.jwks),
            Route("/authorize", issuer.authorize),
            Route("/token", issuer.token, methods=["POST"]),
            Route("/userinfo", issuer.userinfo),
            Route("/login/oauth/authorize", issuer.authorize),
            Route("/login/oauth/access_token", issuer.token, methods=["POST"]),
            Route("/user", issuer.github_user),
            Route("/user/emails", issuer.github_emails),
        ]
    )
    # Bound before it serves: whoever connects early waits in its queue.
    listening = socket.create_server(("127.0.0.1", 0))
    issuer.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.should_exit = True
        thread.join()
