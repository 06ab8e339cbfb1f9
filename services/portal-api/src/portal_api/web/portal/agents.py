"""The catalogue as Markdown, for agents: `llms.txt` (llmstxt.org), and a page per API with all that a call needs."""

import re
from collections.abc import Sequence

from fastapi import APIRouter, Response

from portal_api.catalog.domain.api import ContractOperation
from portal_api.catalog.use_cases.reading import CatalogReader, PublishedApi
from portal_api.organizations.domain.branding import PAGE_TITLES
from portal_api.organizations.use_cases.branding import Brandings
from portal_api.web.kit.formats import limit_line, price_line
from portal_api.web.kit.pages import Kit

MAX_APIS = 200
_HEADERS = {"Cache-Control": "public, max-age=60", "X-Content-Type-Options": "nosniff"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")


def create_router(kit: Kit, catalog: CatalogReader, brandings: Brandings) -> APIRouter:
    """Public, as the catalogue is. Errors are problem documents: programs read them."""
    router = APIRouter(include_in_schema=False)
    _add_index(router, kit, catalog, brandings)
    _add_api_page(router, kit, catalog)
    return router


def _add_index(router: APIRouter, kit: Kit, catalog: CatalogReader, brandings: Brandings) -> None:
    base_url = kit.http.base_url

    @router.get("/portal/{organization}/llms.txt")
    async def index(organization: str) -> Response:
        async with kit.http.uow.transaction() as session:
            owner, apis = await catalog.published_apis(session, organization, limit=MAX_APIS, after=None)
            branding = await brandings.of_portal(session, owner.id)
        name = _plain(branding.portal_name or owner.name)
        portal = f"{base_url}/portal/{owner.identifier}"
        lines = [
            f"# {name}",
            "",
            f"> APIs of {name}: what they do, what they cost, and how to call them.",
            "",
            f"To call one: create an application at {portal}/applications, subscribe it to a plan of the API, and get"
            f" an access token with its consumer key and secret at {base_url}/oauth2/token (client credentials).",
            "",
            "## APIs",
            "",
            *(f"- {_link(portal, one)}: {_summary(one)}" for one in apis),
            "",
            "## Reference",
            "",
            *(f"- [{PAGE_TITLES[page]}]({portal}/pages/{page}): in the words of {name}" for page in branding.pages),
            f"- [REST API of the portal]({base_url}/openapi.json): applications, subscriptions, keys, usage (OpenAPI)",
            f"- [Problem types]({base_url}/problems): what each error means, and what to do",
        ]
        return _markdown(lines)


def _add_api_page(router: APIRouter, kit: Kit, catalog: CatalogReader) -> None:
    base_url = kit.http.base_url

    @router.get("/portal/{organization}/apis/{api}/llms.md")
    async def api_page(organization: str, api: str) -> Response:
        async with kit.http.uow.transaction() as session:
            found = await catalog.published_api(session, organization, api)
            operations = await catalog.operations(session, found.api)
        one, portal = found.api, f"{base_url}/portal/{found.api.organization_identifier}"
        lines = [
            f"# {_plain(one.display_name)} {_plain(one.version_label)}",
            "",
            _plain(one.description) or "No description.",
            "",
            f"- Base URL: `{found.gateway_url}`",
            "- Authentication: `Authorization: Bearer <access token>`",
            f"- Contract (OpenAPI): {base_url}/v1/portal/{one.organization_identifier}/apis/{one.id}/openapi",
            f"- Subscribe: {portal}/apis/{one.id}/subscribe",
            *([f"- Ends on {one.sunset_at:%Y-%m-%d}"] if one.sunset_at else []),
            "",
            "## Operations",
            "",
            *(f"- `{op.method} {op.path_template}` {_plain(op.summary)}".rstrip() for op in operations),
            "",
            "## Plans",
            "",
            *(
                f"- {_plain(plan.name)}: {price_line(plan.current)}; {limit_line(plan.current)}."
                f" {_plain(plan.description)}".rstrip()
                for plan in found.plans
            ),
            "",
            "## Get a token and call",
            "",
            "```sh",
            f'TOKEN=$(curl -s {base_url}/oauth2/token -u "$CONSUMER_KEY:$CONSUMER_SECRET"'
            " -d grant_type=client_credentials | jq -r .access_token)",
            f'curl -i {found.gateway_url}{_example(operations)} -H "Authorization: Bearer $TOKEN"',
            "```",
            "",
            "Errors are problem documents (RFC 9457); `type` leads to a page with cause and cure. 429 says in",
            "`Retry-After` how long to wait; 401 with `expired-token` wants a new token.",
        ]
        return _markdown(lines)


def _link(portal: str, one: PublishedApi) -> str:
    api = one.api
    return f"[{_plain(api.display_name)} {_plain(api.version_label)}]({portal}/apis/{api.id}/llms.md)"


def _summary(one: PublishedApi) -> str:
    prices = ", ".join(price_line(plan.current) for plan in one.plans)
    return " ".join(part for part in (_plain(one.api.description), f"({prices})" if prices else "") if part)


def _example(operations: Sequence[ContractOperation]) -> str:
    paths = [one.path_template for one in operations if one.method == "GET"]
    return min(paths, key=lambda path: (path.count("{"), len(path)), default="")


def _plain(text: str) -> str:
    """One line in which nothing is markup: a provider's words are shown, not obeyed."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _markdown(lines: list[str]) -> Response:
    return Response("\n".join(lines) + "\n", media_type="text/markdown; charset=utf-8", headers=_HEADERS)
