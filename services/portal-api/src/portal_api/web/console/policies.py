"""Policies of an API: what is attached in each environment, in the order in which it is applied, and its forms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.web.console.policy_form import filled, read_config, settings_of
from portal_api.web.console.wiring import Console
from portal_api.web.kit.forms import Form
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError
from shared.events.catalog import Environment, Operation, Policy
from shared.policies import KINDS


@dataclass(frozen=True, slots=True)
class Row:
    """One that is attached. `place`: in the stored list."""

    place: int
    policy: Policy
    description: str
    operations: Sequence[Operation]


def add_pages(router: APIRouter, console: Console) -> None:
    """The list, the form, and its two acts."""
    _show(router, console)
    _save(router, console)
    _remove(router, console)


def _show(router: APIRouter, console: Console) -> None:
    signed_in = Annotated[Viewer, Depends(console.kit.signed_in())]

    @router.get("/console/{organization}/apis/{api}/policies")
    async def policies(
        request: Request, organization: str, api: str, viewer: signed_in, environment: Environment = "development"
    ) -> Response:
        return await _list(console, request, viewer, (organization, api), environment, Form())

    @router.get("/console/{organization}/apis/{api}/policies/{environment}")
    async def policy(
        request: Request,
        organization: str,
        api: str,
        environment: Environment,
        viewer: signed_in,
        kind: str = "",
        place: int = -1,
    ) -> Response:
        if not kind:
            return await _list(console, request, viewer, (organization, api), environment, Form())
        async with console.kit.http.uow.transaction() as session:
            found = await console.catalog.require_api(session, viewer.user, api)
        deployment = found.deployed(environment)
        stored = _stored(deployment.policies if deployment else (), place, kind)
        name = _known(stored.kind if stored else kind)
        form = filled(name, stored.config if stored else {})
        form.values["operation"] = [str(number) for number in stored.operations] if stored else []
        return await _form(console, request, viewer, (organization, api), environment, name, place, form)


def _save(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/apis/{api}/policies/{environment}")
    async def save(
        request: Request, organization: str, api: str, environment: Environment, viewer: signed_in
    ) -> Response:
        form = await kit.form(request, viewer)
        here = await console.place(viewer, organization, api=api, role="publisher")
        kind, place = _known(form.text("kind")), _place(form)
        config = read_config(kind, form)
        numbers = tuple(int(one) for one in form.many("operation") if one.isdecimal())
        policy = Policy(kind=kind, config=config, operations=numbers)
        if not form.errors:
            try:
                await _replace(console, viewer, api, environment, place, kind, policy)
            except DomainError as error:
                form.fail(error)
        if form.errors or form.problem:
            at = (organization, api)
            return await _form(console, request, viewer, at, environment, kind, place, form, status=422)
        return kit.redirect(
            f"{here.api_base}/policies?environment={environment}", flash=f"{kind} holds in {environment.capitalize()}."
        )


def _remove(router: APIRouter, console: Console) -> None:
    kit = console.kit
    signed_in = Annotated[Viewer, Depends(kit.signed_in())]

    @router.post("/console/{organization}/apis/{api}/policies/{environment}/remove")
    async def remove(
        request: Request, organization: str, api: str, environment: Environment, viewer: signed_in
    ) -> Response:
        form = await kit.form(request, viewer)
        here = await console.place(viewer, organization, api=api, role="publisher")
        kind = _known(form.text("kind"))
        try:
            await _replace(console, viewer, api, environment, _place(form), kind, None)
        except DomainError as error:
            form.fail(error)
            at = (organization, api)
            return await _list(console, request, viewer, at, environment, form, status=error.status)
        return kit.redirect(f"{here.api_base}/policies?environment={environment}", flash=f"{kind} is removed.")


async def _replace(
    console: Console, viewer: Viewer, api: str, environment: Environment, place: int, kind: str, policy: Policy | None
) -> None:
    """Put a policy in the place of another (-1: beside them), or take it away; in one transaction."""
    async with console.kit.http.uow.transaction() as session:
        found = await console.catalog.require_api(session, viewer.user, api, lock=True)
        deployment = found.deployed(environment)
        policies = list(deployment.policies) if deployment else []
        if place >= 0 or policy is None:
            if _stored(policies, place, kind) is None:
                detail = "Somebody else has changed the policies meanwhile. Look at them again."
                raise DomainError("policy-invalid", 409, "This policy is not there any more", detail)
            policies[place : place + 1] = [] if policy is None else [policy]
        elif policy is not None:
            policies.append(policy)
        await console.deployments.set_policies(session, viewer.user, api, environment, tuple(policies))


def _stored(policies: Sequence[Policy], place: int, kind: str) -> Policy | None:
    """What stands there, if it is still of the kind that the page showed."""
    if not 0 <= place < len(policies) or policies[place].kind != kind:
        return None
    return policies[place]


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise DomainError("not-found", 404, "There is no such policy", "Choose one of those that the page offers.")
    return kind


def _place(form: Form) -> int:
    text = form.text("place", max_length=10)
    return int(text) if text.isdecimal() else -1


def _description(kind: str) -> str:
    return " ".join((KINDS[kind].__doc__ or "").split())


async def _list(
    console: Console,
    request: Request,
    viewer: Viewer,
    at: tuple[str, str],
    environment: Environment,
    form: Form,
    *,
    status: int = 200,
) -> Response:
    organization, api = at
    async with console.kit.http.uow.transaction() as session:
        place = await console.at(session, viewer, organization, api=api)
        found = await console.catalog.require_api(session, viewer.user, api)
    deployment = found.deployed(environment)
    operations = {one.number: one for one in deployment.operations} if deployment else {}
    rows = [
        Row(number, one, _description(one.kind), [operations[each] for each in one.operations if each in operations])
        for number, one in enumerate(deployment.policies if deployment else ())
        if one.kind in KINDS
    ]
    rows.sort(key=lambda row: (KINDS[row.policy.kind].order, not row.policy.operations))
    values = {
        "form": form,
        "environment": environment,
        "deployed": deployment is not None,
        "rows": rows,
        "kinds": [(name, _description(name)) for name in KINDS],
    }
    return console.page(request, viewer, "policies.html", place, status=status, api=found, **values)


async def _form(
    console: Console,
    request: Request,
    viewer: Viewer,
    at: tuple[str, str],
    environment: Environment,
    kind: str,
    number: int,
    form: Form,
    *,
    status: int = 200,
) -> Response:
    organization, api = at
    async with console.kit.http.uow.transaction() as session:
        place = await console.at(session, viewer, organization, api=api)
        found = await console.catalog.require_api(session, viewer.user, api)
    deployment = found.deployed(environment)
    values = {
        "form": form,
        "environment": environment,
        "kind": kind,
        "number": number,
        "description": _description(kind),
        "settings": settings_of(kind),
        "operations": deployment.operations if deployment and kind != "cors" else (),
    }
    return console.page(request, viewer, "policy.html", place, status=status, api=found, **values)
