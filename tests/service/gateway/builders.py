"""States for the gateway's tables, and signed tokens."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwt

from shared.clock import real_now
from shared.events.catalog import ApiState, Deployment, Lifecycle, Operation, RateLimit
from shared.events.identity import CredentialState, KeyHash, SigningKeyState
from shared.events.subscriptions import Access, AccessEntryState

ISSUER = "http://issuer.test"
START = datetime(2026, 1, 1, tzinfo=UTC)
API_KEY = "tw_live_key-1"

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


class SigningKey:
    """A P-256 pair with its kid."""

    def __init__(self, kid: str = "key-1") -> None:
        self.kid = kid
        private = ec.generate_private_key(ec.SECP256R1())
        self.private_pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        public = private.public_key()
        self.public_pem = public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public_der = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        numbers = public.public_numbers()
        self.jwk = {
            "kty": "EC",
            "crv": "P-256",
            "x": base64.urlsafe_b64encode(numbers.x.to_bytes(32, "big")).rstrip(b"=").decode(),
            "y": base64.urlsafe_b64encode(numbers.y.to_bytes(32, "big")).rstrip(b"=").decode(),
            "kid": kid,
        }

    def state(self, version: int = 1) -> SigningKeyState:
        now = real_now()
        return SigningKeyState(
            version=version,
            kid=self.kid,
            public_jwk=self.jwk,
            not_before=now - timedelta(days=1),
            not_after=now + timedelta(days=30),
        )

    def token(self, *, kid: str | None = None, **changed: object) -> str:
        now = int(real_now().timestamp())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": "org_1",
            "client_id": "client_1",
            "gen": 1,
            "iat": now - 60,
            "exp": now + 600,
        }
        claims.update(changed)
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            self.private_pem,
            algorithm="ES256",
            headers={"kid": kid or self.kid},
        )


def deployment(upstream_url: str, *, timeout_ms: int = 5_000) -> Deployment:
    templates = ("/books/{kind}", "/books", "/")
    operations = [
        Operation(number=index, method=method, path_template=template)
        for index, (template, method) in enumerate(((t, m) for t in templates for m in METHODS), start=1)
        if (template, method) != ("/books/{kind}", "PATCH")
    ]
    return Deployment(
        revision=1, upstream_url=upstream_url, operations=tuple(operations), deployed_at=START, timeout_ms=timeout_ms
    )


def api(
    upstream_url: str,
    *,
    version: int = 1,
    lifecycle: Lifecycle = "published",
    timeout_ms: int = 5_000,
    identifier: str = "reading",
    api_id: str = "api_1",
) -> ApiState:
    deployed = deployment(upstream_url, timeout_ms=timeout_ms)
    return ApiState(
        version=version,
        api_id=api_id,
        number=7,
        organization_id="org_1",
        organization_identifier="acme",
        identifier=identifier,
        version_label="v1",
        display_name="Reading list",
        lifecycle=lifecycle,
        production=deployed,
        development=deployed,
    )


def client(*, version: int = 1, min_generation: int = 0, status: str = "active") -> CredentialState:
    return CredentialState(
        version=version,
        credential_id="client_1",
        kind="oauth_client",
        application_id="app_1",
        application_number=3,
        organization_id="org_1",
        environment="production",
        status="active" if status == "active" else "revoked",
        min_generation=min_generation,
    )


def api_key(
    *, key: str = API_KEY, environment: str = "production", version: int = 1, valid_until: datetime | None = None
) -> CredentialState:
    return CredentialState(
        version=version,
        credential_id=f"key_{environment}",
        kind="api_key",
        application_id="app_1",
        application_number=3,
        organization_id="org_1",
        environment="production" if environment == "production" else "sandbox",
        status="active",
        key_hashes=(KeyHash(sha256=hashlib.sha256(key.encode()).hexdigest(), valid_until=valid_until),),
    )


def allowed(*limits: RateLimit, **changed: object) -> Access:
    fields: dict[str, object] = {
        "allowed": True,
        "subscription_id": "sub_1",
        "subscription_number": 11,
        "plan_version_number": 5,
        "rate_limits": limits,
    }
    fields.update(changed)
    return Access(**fields)  # type: ignore[arg-type]


def access(
    production: Access, *, version: int = 1, sandbox: Access | None = None, api_id: str = "api_1"
) -> AccessEntryState:
    return AccessEntryState(
        version=version,
        application_id="app_1",
        api_id=api_id,
        production=production,
        sandbox=sandbox or production,
    )
