"""Admin > Settings > Subscription Plans: the list, and the editor of every pricing model."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from portal_api.catalog.domain.plan import CURRENCIES, Plan, PlanTerms
from portal_api.web.console import plan_form
from portal_api.web.console.place import Place
from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError
from shared.events.catalog import PlanVersion

MAX_LISTED = 100


def add_pages(router: APIRouter, console: Console) -> None:
    """All of them; `new` and `preview` stand before `{plan}`, whose id they could be."""
    _list(router, console)
    _create(router, console)
    _edit(router, console)
    _end(router, console)


def _base(place: Place) -> str:
    return f"{place.base}/settings/plans"


def _list(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/settings/plans")
    async def plans(request: Request, organization: str, viewer: signed_in, after: str | None = None) -> Response:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization)
            found = await console.catalog.list_plans(
                session, viewer.user, organization, limit=MAX_LISTED + 1, after=after
            )
            shown = found[:MAX_LISTED]
            figures = await console.provider.plan_figures(session, viewer.user, organization, shown)
        following = f"{_base(place)}?after={shown[-1].id}" if len(found) > MAX_LISTED else ""
        values: dict[str, Any] = {
            "plans": shown,
            "figures": figures,
            "next_href": following,
            "here": _base(place),
        }
        return console.page(request, viewer, "plans.html", place, **values)

    @router.post("/console/{organization}/settings/plans/preview")
    async def preview(request: Request, organization: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization)
        drawn = plan_form.preview(form, kit.clock, viewer.locale)
        return HTMLResponse(kit.fragment(viewer, "console/plan_preview.html", place=place, preview=drawn))


def _create(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.get("/console/{organization}/settings/plans/new")
    async def new(
        request: Request, organization: str, viewer: signed_in, api: Annotated[str, Query(max_length=64)] = ""
    ) -> Response:
        """`api`: where somebody comes from who has no plan to enable there; they are led back."""
        place = await console.place(viewer, organization)
        form = plan_form.form_of(None)
        form.values["api"] = [api]
        return _editor(console, request, viewer, place, form, None)

    @router.post("/console/{organization}/settings/plans/new")
    async def create(request: Request, organization: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, role="admin")
        if _moved_tiers(form):
            return _editor(console, request, viewer, place, form, None)
        name = form.text("name", label="The name", required=True, max_length=100)
        terms = plan_form.terms_of(form)
        if not form.errors:
            try:
                async with kit.http.uow.transaction() as session:
                    made = await console.plans.create(
                        session, viewer.user, organization, name=name, description=form.text("description"), terms=terms
                    )
                return kit.redirect(_after(place, form), flash=f"{made.name} is created.")
            except DomainError as error:
                form.fail(error, plan_form.FIELD_NAMES)
        return _editor(console, request, viewer, place, form, None, status=422)


def _after(place: Place, form: Form) -> str:
    """The list, or the API for which the plan was made. An id is no address: it cannot lead elsewhere."""
    api = form.text("api", max_length=64)
    return f"{place.base}/apis/{api}/monetize" if api.isidentifier() else _base(place)


def _edit(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    async def read(viewer: Viewer, organization: str, plan_id: str) -> tuple[Place, Plan, int]:
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization)
            plan = await console.catalog.require_plan(session, viewer.user, plan_id)
            count = await console.provider.live_count(session, viewer.user, organization, plan_id=plan.id)
        return place, plan, count

    @router.get("/console/{organization}/settings/plans/{plan}")
    async def edit(request: Request, organization: str, plan: str, viewer: signed_in) -> Response:
        place, found, count = await read(viewer, organization, plan)
        return _editor(console, request, viewer, place, plan_form.form_of(found), found, count=count)

    @router.post("/console/{organization}/settings/plans/{plan}")
    async def save(request: Request, organization: str, plan: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        await console.place(viewer, organization, role="admin")
        place, found, count = await read(viewer, organization, plan)
        if _moved_tiers(form):
            return _editor(console, request, viewer, place, form, found, count=count)
        name = form.text("name", label="The name", required=True, max_length=100)
        terms = plan_form.terms_of(form)
        if not form.errors:

            def wanted(_: PlanVersion) -> PlanTerms:
                return terms

            try:
                async with kit.http.uow.transaction() as session:
                    changed = await console.plans.change(
                        session, viewer.user, plan, name=name, description=form.text("description"), status=None,
                        terms_from=wanted,
                    )  # fmt: skip
                return kit.redirect(_base(place), flash=_changed_text(found, changed, count))
            except DomainError as error:
                form.fail(error, plan_form.FIELD_NAMES)
        return _editor(console, request, viewer, place, form, found, count=count, status=422)


def _end(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/settings/plans/{plan}/status")
    async def set_status(request: Request, organization: str, plan: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        place = await console.place(viewer, organization, role="admin")
        status: Literal["active", "inactive"] = "active" if form.text("status") == "active" else "inactive"
        try:
            async with kit.http.uow.transaction() as session:
                changed = await console.plans.change(
                    session, viewer.user, plan, name=None, description=None, status=status, terms_from=None
                )
        except DomainError as error:
            if error.status == 404:
                raise
            return kit.redirect(f"{_base(place)}/{plan}", flash=f"{error.title}. {error.detail}", tone="bad")
        return kit.redirect(_base(place), flash=f"{changed.name} is {changed.status}.")

    @router.post("/console/{organization}/settings/plans/{plan}/delete")
    async def delete(request: Request, organization: str, plan: str, viewer: signed_in) -> Response:
        form = await kit.form(request, viewer)
        async with kit.http.uow.transaction() as session:
            place = await console.at(session, viewer, organization, role="admin")
            found = await console.catalog.require_plan(session, viewer.user, plan)
        if form.text("confirm") != found.name:
            text = f"Nothing was deleted: type {found.name} to confirm."
            return kit.redirect(f"{_base(place)}/{plan}", flash=text, tone="bad")
        try:
            async with kit.http.uow.transaction() as session:
                await console.plans.delete(session, viewer.user, plan)
        except DomainError as error:
            if error.status == 404:
                raise
            return kit.redirect(f"{_base(place)}/{plan}", flash=f"{error.title}. {error.detail}", tone="bad")
        return kit.redirect(_base(place), flash=f"{found.name} is deleted.")


def _moved_tiers(form: Form) -> bool:
    """Whether a tier was added or taken away: then the editor is shown again, and nothing is saved."""
    action, count = form.text("action"), plan_form.rows(form)
    if action == "add-tier":
        form.values["tier_rows"] = [str(min(count + 1, 100))]
    elif action == "remove-tier":
        form.values["tier_rows"] = [str(max(count - 1, 1))]
    return action in ("add-tier", "remove-tier")


def _changed_text(before: Plan, after: Plan, count: int) -> str:
    if after.current.ordinal == before.current.ordinal:
        return f"{after.name} is saved." if after != before else "Nothing was changed."
    stay = f" {count} present subscriptions stay with theirs." if count else ""
    return f"{after.name} has version {after.current.ordinal}.{stay}"


def _editor(
    console: Console,
    request: Request,
    viewer: Viewer,
    place: Place,
    form: Form,
    plan: Plan | None,
    *,
    count: int = 0,
    status: int = 200,
) -> Response:
    others = sorted(CURRENCIES - set(plan_form.COMMON_CURRENCIES))
    values: dict[str, Any] = {
        "form": form,
        "plan": plan,
        "count": count,
        "models": plan_form.MODELS,
        "more_limits": plan_form.MORE_LIMITS,
        "rules": plan_form.RULES,
        "currencies": [*plan_form.COMMON_CURRENCIES, *others],
        "tier_rows": plan_form.rows(form),
        "preview": plan_form.preview(form, console.kit.clock, viewer.locale),
        "here": _base(place),
    }
    return console.page(request, viewer, "plan.html", place, status=status, **values)
