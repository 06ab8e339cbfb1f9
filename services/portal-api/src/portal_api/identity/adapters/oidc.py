"""OpenID Connect by Authlib, and GitHub's OAuth2 dialect: authorization code, PKCE, state, nonce.

The algorithms of an ID token are a fixed list of asymmetric ones: `none` and HS256 are never accepted, whatever its
header says.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from portal_api.identity.domain.external import ExternalClaims, IdentityProvider
from portal_api.identity.ports import ProviderAway, ProviderRefused

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
TIMEOUT_SECONDS = 10
CACHE_SECONDS = 3600
# Clocks differ a little.
LEEWAY_SECONDS = 60


@dataclass
class _Issuer:
    """What an issuer publishes of itself."""

    metadata: Mapping[str, Any]
    fetched_at: float
    keys: KeySet | None = None
    keys_fetched_at: float = field(default=0.0)


class AuthlibProviderClient:
    """The port `ProviderClient`."""

    def __init__(self) -> None:
        self._issuers: dict[str, _Issuer] = {}

    async def authorization_url(
        self, provider: IdentityProvider, *, redirect_uri: str, state: str, nonce: str, code_verifier: str
    ) -> str:
        """Where the browser goes."""
        endpoints = await self._endpoints(provider)
        async with self._client(provider, redirect_uri, endpoints) as client:
            extra = {"nonce": nonce} if provider.kind == "oidc" else {}
            url, _ = client.create_authorization_url(
                endpoints["authorization_endpoint"], state=state, code_verifier=code_verifier, **extra
            )
            return str(url)

    async def claims(
        self, provider: IdentityProvider, *, redirect_uri: str, code: str, nonce: str, code_verifier: str
    ) -> ExternalClaims:
        """Who came back with this code."""
        endpoints = await self._endpoints(provider)
        try:
            async with self._client(provider, redirect_uri, endpoints) as client:
                token = await client.fetch_token(
                    endpoints["token_endpoint"], code=code, code_verifier=code_verifier, grant_type="authorization_code"
                )
                if provider.kind == "github":
                    return await self._github(provider, client)
                return await self._from_id_token(provider, client, token, nonce)
        except httpx2.HTTPError as error:
            raise ProviderAway(repr(error)) from error
        except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as error:
            raise ProviderRefused(repr(error)) from error

    def _client(self, provider: IdentityProvider, redirect_uri: str, endpoints: Mapping[str, Any]) -> AsyncOAuth2Client:
        methods = endpoints.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return AsyncOAuth2Client(
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            scope="read:user user:email" if provider.kind == "github" else "openid email profile",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic"
            if "client_secret_basic" in methods
            else "client_secret_post",
            timeout=TIMEOUT_SECONDS,
            # The token is used at once: one that lives a minute is good enough.
            leeway=0,
            headers={"Accept": "application/json"},
        )

    async def _from_id_token(
        self, provider: IdentityProvider, client: AsyncOAuth2Client, token: Mapping[str, Any], nonce: str
    ) -> ExternalClaims:
        claims = await self._verified(provider, str(token["id_token"]), nonce)
        person = dict(claims)
        if "email" not in person and (endpoint := (await self._issuer(provider)).metadata.get("userinfo_endpoint")):
            more = (await client.get(endpoint)).raise_for_status().json()
            # Only of the same person (OpenID Connect Core, 5.3.2).
            if more.get("sub") == person["sub"]:
                person = {**more, **person}
        email = person.get("email")
        return ExternalClaims(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            email=str(email) if email else None,
            # Microsoft says it by xms_edov; its plain `email` may be anything a tenant's admin wrote there.
            email_verified=person.get("email_verified") is True or person.get("xms_edov") in (True, 1, "1", "true"),
            name=str(person.get("name") or ""),
        )

    async def _verified(self, provider: IdentityProvider, id_token: str, nonce: str) -> Mapping[str, Any]:
        try:
            decoded = jwt.decode(id_token, await self._keys(provider), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # The issuer may have changed its keys since they were fetched.
            decoded = jwt.decode(id_token, await self._keys(provider, fresh=True), algorithms=ALGORITHMS)
        issuer = str((await self._issuer(provider)).metadata["issuer"])
        # Microsoft's shared endpoints publish a template instead of an issuer.
        issuer = issuer.replace("{tenantid}", str(decoded.claims.get("tid", "")))
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": provider.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        registry.validate(decoded.claims)
        audience = decoded.claims["aud"]
        azp = decoded.claims.get("azp")
        if (isinstance(audience, list) and len(audience) > 1 and azp is None) or azp not in (None, provider.client_id):
            raise ProviderRefused("the ID token was issued to another client (azp)")
        return decoded.claims

    async def _github(self, provider: IdentityProvider, client: AsyncOAuth2Client) -> ExternalClaims:
        user = (await client.get(f"{provider.api_url}/user")).raise_for_status().json()
        emails = (await client.get(f"{provider.api_url}/user/emails")).raise_for_status().json()
        primary = next((one for one in emails if one.get("primary") and one.get("verified")), None)
        return ExternalClaims(
            issuer=provider.issuer,
            subject=str(int(user["id"])),
            email=str(primary["email"]) if primary else None,
            email_verified=primary is not None,
            name=str(user.get("name") or user.get("login") or ""),
        )

    async def _endpoints(self, provider: IdentityProvider) -> Mapping[str, Any]:
        if provider.kind == "github":
            return {
                "authorization_endpoint": f"{provider.issuer}/login/oauth/authorize",
                "token_endpoint": f"{provider.issuer}/login/oauth/access_token",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        return (await self._issuer(provider)).metadata

    async def _issuer(self, provider: IdentityProvider) -> _Issuer:
        known = self._issuers.get(provider.issuer)
        if known is None or time.monotonic() - known.fetched_at > CACHE_SECONDS:
            metadata = await self._fetch(f"{provider.issuer}/.well-known/openid-configuration")
            said = str(metadata.get("issuer", ""))
            if said != provider.issuer and "{tenantid}" not in said:
                raise ProviderAway(f"{provider.issuer} says that its issuer is {said}")
            known = self._issuers[provider.issuer] = _Issuer(metadata, time.monotonic())
        return known

    async def _keys(self, provider: IdentityProvider, *, fresh: bool = False) -> KeySet:
        issuer = await self._issuer(provider)
        if fresh or issuer.keys is None or time.monotonic() - issuer.keys_fetched_at > CACHE_SECONDS:
            document = await self._fetch(str(issuer.metadata["jwks_uri"]))
            issuer.keys = KeySet.import_key_set({"keys": document["keys"]})
            issuer.keys_fetched_at = time.monotonic()
        return issuer.keys

    async def _fetch(self, url: str) -> dict[str, Any]:
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                document = (await client.get(url)).raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAway(f"{url}: {error!r}") from error
        if not isinstance(document, dict):
            raise ProviderAway(f"{url} answers with something else than a JSON object")
        return document
