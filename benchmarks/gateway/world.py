"""One API with 20 operations, 64 applications that call it, and the tokens they call with."""

import base64
import json
import secrets
from datetime import timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared.clock import real_now
from shared.events.catalog import ApiState, Deployment, Operation, RateLimit
from shared.events.envelope import State
from shared.events.identity import CredentialState, SigningKeyState
from shared.events.subscriptions import Access, AccessEntryState, access_key
from shared.events.topics import (
    CATALOG_APIS,
    IDENTITY_CREDENTIALS,
    IDENTITY_SIGNING_KEYS,
    SUBSCRIPTIONS_ACCESS,
    Topic,
)

ISSUER = "https://idp.example.com"
ORGANIZATION = "org_01jbench0000000000000000"
HOST = "api.example.com"
PREFIX = "/acme/orders/v1"
APPLICATIONS = 64
CALLS_PER_SECOND = 1_000_000
# The route that is called is the last but one: a gateway that searches linearly has to search.
OPERATIONS = [
    *(("GET", f"/res{number}/{{id}}") for number in range(18)),
    ("GET", "/orders/{id}"),
    ("GET", "/items/{id}"),
]


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class World:
    """What portal-api and subscriptions would have said."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        numbers = self._private.public_key().public_numbers()
        self.jwk = {
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": "bench-1",
            "x": _base64url(numbers.x.to_bytes(32, "big")).decode(),
            "y": _base64url(numbers.y.to_bytes(32, "big")).decode(),
        }
        self.clients = [f"client_{number:026}" for number in range(APPLICATIONS)]

    def token(self, number: int) -> str:
        """An access token of application `number` % 64; no two are alike."""
        now = int(real_now().timestamp())
        claims = {
            "iss": ISSUER, "aud": ORGANIZATION, "client_id": self.clients[number % APPLICATIONS], "gen": 1,
            "scope": "orders:read orders:write", "iat": now - 60, "exp": now + 86_400, "jti": secrets.token_hex(16),
        }  # fmt: skip
        head = _base64url(json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": "bench-1"}).encode())
        signed = head + b"." + _base64url(json.dumps(claims).encode())
        r, s = decode_dss_signature(self._private.sign(signed, ec.ECDSA(hashes.SHA256())))
        return (signed + b"." + _base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))).decode()

    def states(self, upstream_port: int) -> list[tuple[Topic, str, State]]:
        """Everything the gateway's tables need."""
        now = real_now()
        deployed = Deployment(
            revision=1,
            upstream_url=f"http://127.0.0.1:{upstream_port}",
            operations=tuple(
                Operation(number=number, method=method, path_template=template)
                for number, (method, template) in enumerate(OPERATIONS, start=1)
            ),
            deployed_at=now,
        )
        api = ApiState(
            version=1, api_id="api_orders", number=7, organization_id=ORGANIZATION, organization_identifier="acme",
            identifier="orders", version_label="v1", display_name="Orders", lifecycle="published",
            production=deployed,
        )  # fmt: skip
        key = SigningKeyState(
            version=1,
            kid="bench-1",
            public_jwk=self.jwk,
            not_before=now - timedelta(days=1),
            not_after=now + timedelta(days=30),
        )
        states: list[tuple[Topic, str, State]] = [
            (CATALOG_APIS, api.api_id, api),
            (IDENTITY_SIGNING_KEYS, key.kid, key),
        ]
        for number, client in enumerate(self.clients, start=1):
            application = f"app_{number:026}"
            credential = CredentialState(
                version=1, credential_id=client, kind="oauth_client", application_id=application,
                application_number=number, organization_id=ORGANIZATION, environment="production", status="active",
            )  # fmt: skip
            access = Access(
                allowed=True,
                subscription_id=f"sub_{number:026}",
                subscription_number=number,
                plan_version_number=5,
                rate_limits=(RateLimit(count=CALLS_PER_SECOND, per_seconds=1),),
            )
            entry = AccessEntryState(
                version=1, application_id=application, api_id=api.api_id, production=access, sandbox=access
            )
            states.append((IDENTITY_CREDENTIALS, client, credential))
            states.append((SUBSCRIPTIONS_ACCESS, access_key(application, api.api_id), entry))
        return states
