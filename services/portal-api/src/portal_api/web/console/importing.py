"""Import API Contract: from a URL, a file or pasted text; then `Create API Proxy` with a preview; and once more."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from portal_api.catalog.domain.contract import MAX_DOCUMENT_BYTES
from portal_api.catalog.use_cases.importing import ContractSource, LoadedContract
from portal_api.organizations.domain.organization import slug
from portal_api.web.console.place import Place
from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError

# A form writes a character as up to three.
MAX_FORM_BYTES = 3 * MAX_DOCUMENT_BYTES + 64 * 1024
SOURCES = ("url", "file", "document")
_FIELDS = {"openapi": "source", "url": "url", "openapi.url": "url"}


@dataclass(frozen=True, slots=True)
class FaultLine:
    """One error of a contract, with the line that it is about."""

    line: int
    column: int | None
    message: str
    text: str


def add_pages(router: APIRouter, console: Console) -> None:
    """Choosing the source, and creating the API."""
    _choose(router, console)
    _create(router, console)
    _again(router, console)


def _choose(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/projects/{project}/import")
    async def choose(
        request: Request, organization: str, project: str, viewer: signed_in, source: str = "url"
    ) -> Response:
        place = await console.place(viewer, organization, project=project)
        form = Form.of(source=source if source in SOURCES else "url")
        return _source_page(console, request, viewer, place, form)

    @router.post("/console/{organization}/projects/{project}/import")
    async def preview(request: Request, organization: str, project: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer, max_bytes=MAX_FORM_BYTES)
        place = await console.place(viewer, organization, project=project, role="publisher")
        try:
            loaded = await _load(console, form)
        except DomainError as error:
            form.fail(error, _FIELDS)
            return _source_page(console, request, viewer, place, form, status=error.status)
        contract = loaded.contract
        filled = Form.of(
            display_name=contract.title, identifier=slug(contract.title), version=contract.version,
            document=loaded.text, document_url=loaded.url,
        )  # fmt: skip
        if form.flag("sample"):
            return await _made(console, request, viewer, place, filled, loaded)
        return _create_page(console, request, viewer, place, filled, loaded)


def _create(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/projects/{project}/apis")
    async def create(request: Request, organization: str, project: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer, max_bytes=MAX_FORM_BYTES)
        place = await console.place(viewer, organization, project=project, role="publisher")
        try:
            loaded = await console.imports.read(form.raw("document"), form.text("document_url") or None)
        except DomainError as error:
            form.fail(error, _FIELDS)
            return _source_page(console, request, viewer, place, form, status=error.status)
        return await _made(console, request, viewer, place, form, loaded)


def _again(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/apis/{api}/contract")
    async def choose(request: Request, organization: str, api: str, viewer: signed_in, source: str = "") -> Response:
        place = await console.place(viewer, organization, api=api)
        known = place.api.contract_url if place.api else None
        chosen = source if source in SOURCES else "url" if known else "document"
        return _source_page(console, request, viewer, place, Form.of(source=chosen, url=known))

    @router.post("/console/{organization}/apis/{api}/contract")
    async def compare(request: Request, organization: str, api: str, viewer: signed_in) -> Response:
        """First shows what would change; with `confirm` it changes it."""
        form = await kit.form(request, viewer, max_bytes=MAX_FORM_BYTES)
        place = await console.place(viewer, organization, api=api, role="publisher")
        try:
            if form.flag("confirm"):
                loaded = await console.imports.read(form.raw("document"), form.text("document_url") or None)
                async with kit.http.uow.transaction() as session:
                    await console.imports.replace(session, viewer.user, api, loaded)
                return kit.redirect(f"{place.api_base}/deploy", flash="The contract is replaced. Deploy it.")
            loaded = await _load(console, form)
            async with kit.http.uow.transaction() as session:
                difference = await console.imports.compare(session, viewer.user, api, loaded)
        except DomainError as error:
            form.fail(error, _FIELDS)
            return _source_page(console, request, viewer, place, form, status=error.status)
        filled = Form.of(document=loaded.text, document_url=loaded.url)
        values: dict[str, Any] = {"form": filled, "loaded": loaded, "difference": difference}
        return console.page(request, viewer, "contract_diff.html", place, **values)


async def _load(console: Console, form: Form) -> LoadedContract:
    source = form.text("source") or "url"
    if form.flag("sample"):
        return await console.imports.load(ContractSource("url", console.sample_contract_url))
    if source == "url":
        url = form.text("url", max_length=2_000)
        if not url:
            raise DomainError("url-invalid", 422, "The URL is missing", "Paste the contract's URL.", "url")
        return await console.imports.load(ContractSource("url", url))
    if source == "file":
        file = form.files.get("file")
        if file is None:
            raise DomainError("invalid-request", 422, "The file is missing", "Choose a YAML or JSON file.", "file")
        try:
            text = (await file.read()).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            detail = "The file is not text in UTF-8."
            raise DomainError("invalid-request", 422, "The file cannot be read", detail, "file") from error
        form.values["document"] = [text]
        return await console.imports.load(ContractSource("document", text))
    text = form.raw("document")
    if not text.strip():
        raise DomainError("invalid-request", 422, "The contract is missing", "Paste the contract.", "document")
    return await console.imports.load(ContractSource("document", text))


def _source_page(
    console: Console, request: Request, viewer: Viewer, place: Place, form: Form, *, status: int = 200
) -> Response:
    lines = form.raw("document").splitlines()
    faults = [_fault(one, lines) for one in (form.problem.errors if form.problem else ()) if "line" in one]
    values: dict[str, Any] = {"form": form, "faults": faults, "sample": bool(console.sample_contract_url)}
    return console.page(request, viewer, "import.html", place, status=status, **values)


def _create_page(
    console: Console,
    request: Request,
    viewer: Viewer,
    place: Place,
    form: Form,
    loaded: LoadedContract,
    *,
    status: int = 200,
) -> Response:
    return console.page(request, viewer, "create_api.html", place, status=status, form=form, loaded=loaded)


def _fault(error: dict[str, object], lines: list[str]) -> FaultLine:
    line, column = error.get("line"), error.get("column")
    number = line if isinstance(line, int) else 1
    text = lines[number - 1][:160] if 0 < number <= len(lines) else ""
    return FaultLine(number, column if isinstance(column, int) else None, str(error.get("message", "")), text)


async def _made(
    console: Console, request: Request, viewer: Viewer, place: Place, form: Form, loaded: LoadedContract
) -> Response:
    """The API that the form describes; the sample comes here at once."""
    name = form.text("display_name", label="The name", required=True, max_length=200)
    if not form.errors and place.project is not None:
        try:
            async with console.kit.http.uow.transaction() as session:
                made = await console.imports.create(
                    session,
                    viewer.user,
                    place.organization.id,
                    place.project.id,
                    loaded,
                    display_name=name,
                    identifier=form.text("identifier") or None,
                    version=form.text("version") or None,
                )
            return console.kit.redirect(f"{place.base}/apis/{made.id}", flash=f"{made.display_name} is created.")
        except DomainError as error:
            form.fail(error)
    return _create_page(console, request, viewer, place, form, loaded, status=422)
