"""Gets contracts by URL: bounded in size and time, and only from addresses that the rule allows."""

import asyncio
from urllib.parse import urljoin

import httpcore2
import httpx2

from portal_api.catalog.adapters.addresses import (
    Addresses,
    AddressRefusedOnConnect,
    GuardedBackend,
    address_refused,
)
from portal_api.catalog.domain.address import parse_target
from portal_api.catalog.domain.contract import MAX_DOCUMENT_BYTES
from portal_api.catalog.ports import Fetched
from shared.addresses import Target
from shared.errors import DomainError

FIELD = "openapi.url"
MAX_REDIRECTS = 5
STEP_TIMEOUT_SECONDS = 5.0
WHOLE_TIMEOUT_SECONDS = 15.0
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


class HttpContractFetcher:
    """The port `ContractFetcher`. Proxies from the environment are ignored: they would connect past the rule."""

    def __init__(self, addresses: Addresses) -> None:
        self._backend = GuardedBackend(addresses)

    async def fetch(self, url: str) -> Fetched:
        """The document; redirects are followed by hand, each checked like the first."""
        try:
            async with asyncio.timeout(WHOLE_TIMEOUT_SECONDS):
                return await self._fetch(url)
        except (TimeoutError, httpcore2.TimeoutException) as error:
            raise _unreachable(f"`{url}` did not answer in time.") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise _unreachable(f"`{url}` cannot be reached, or answers with something that is not HTTP.") from error

    async def _fetch(self, url: str) -> Fetched:
        async with httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False), network_backend=self._backend
        ) as pool:
            for _ in range(MAX_REDIRECTS + 1):
                target = parse_target(url)
                if isinstance(target, str):
                    raise DomainError("url-invalid", 422, "The URL cannot be used", target, FIELD)
                answer = await self._get(pool, url, target)
                if isinstance(answer, Fetched):
                    return answer
                url = answer
        raise _unreachable(f"It redirects more than {MAX_REDIRECTS} times.")

    async def _get(self, pool: httpcore2.AsyncConnectionPool, url: str, target: Target) -> Fetched | str:
        """The document, or where it is instead."""
        try:
            address = httpx2.URL(url)
        except httpx2.InvalidURL as error:
            raise DomainError(
                "url-invalid", 422, "The URL cannot be used", f"This is not a URL: {error}.", FIELD
            ) from error
        headers: dict[bytes | str, bytes | str] = {
            "Host": address.netloc.decode(),
            "Accept": "application/yaml, application/json, */*;q=0.5",
            "Accept-Encoding": "identity",
            "User-Agent": "tollway-contract-import",
        }
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), STEP_TIMEOUT_SECONDS)
        request_url = httpcore2.URL(
            scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
        )
        try:
            async with pool.stream("GET", request_url, headers=headers, extensions={"timeout": timeout}) as response:
                if response.status in _REDIRECTS:
                    headers_of_answer = {name.lower(): value for name, value in response.headers}
                    return urljoin(url, headers_of_answer.get(b"location", b"").decode("latin-1"))
                if response.status != 200:
                    raise _unreachable(f"`{url}` answered with status {response.status} instead of 200.")
                return Fetched(await _text(response), url)
        except AddressRefusedOnConnect as error:
            raise address_refused(target, FIELD) from error


async def _text(response: httpcore2.Response) -> str:
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > MAX_DOCUMENT_BYTES:
            detail = f"A contract has at most {MAX_DOCUMENT_BYTES // 1024 // 1024} MB."
            raise DomainError("contract-too-large", 413, "The contract is too large", detail, FIELD)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreachable("The document is not text in UTF-8.") from error


def _unreachable(detail: str) -> DomainError:
    return DomainError("contract-unreachable", 422, "The contract cannot be fetched", detail, FIELD)
