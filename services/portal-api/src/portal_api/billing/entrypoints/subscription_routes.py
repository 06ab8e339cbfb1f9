"""Subscriptions as a REST resource: commands answer with the resource as it is, its change follows."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.billing.domain.subscription import Subscription, is_settled
from portal_api.billing.entrypoints.schemas import CancelRequest, SubscriptionCreate, SubscriptionView
from portal_api.billing.entrypoints.waiting import ChangeSignal, Prefer, wait_for, wait_seconds
from portal_api.billing.use_cases.subscriptions import Subscriptions, Wanted
from portal_api.billing.use_cases.usage_summary import BillingReader
from portal_api.http.dependencies import HttpDependencies
from portal_api.http.documentation import IDEMPOTENT, problems
from portal_api.http.paging import Page, PageQuery
from portal_api.identity.domain.access import Actor
from portal_api.organizations.use_cases import Organizations

# An end of access is on the bus before its answer is read: six statements would compete with the relay for the loop.
SENT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class SubscriptionRoutes:
    """What the routes need."""

    http: HttpDependencies
    organizations: Organizations
    subscriptions: Subscriptions
    reader: BillingReader
    changes: ChangeSignal

    async def read(self, actor: Actor, subscription_id: str) -> tuple[Subscription, SubscriptionView, bool]:
        """As it is now; and whether it is settled."""
        async with self.http.uow.statements() as session:
            found = await self.subscriptions.owned(session, subscription_id, actor.user_id)
            checkout = await self.subscriptions.checkout(session, subscription_id)
            named = (await self.reader.named(session, [found]))[0]
            return found, SubscriptionView.of(named, checkout), is_settled(found, checkout)

    async def after(
        self, actor: Actor, subscription_id: str, prefer: str | None, is_done: Callable[[Subscription], bool]
    ) -> SubscriptionView:
        """The resource, when it is done or the preferred wait is over."""
        found = await wait_for(
            lambda: self.read(actor, subscription_id), lambda read: is_done(read[0]), wait_seconds(prefer), self.changes
        )
        return found[1]


async def views_of(
    session: AsyncSession, reader: BillingReader, subscriptions: Subscriptions, rows: Sequence[Subscription]
) -> list[SubscriptionView]:
    """With names and Checkouts."""
    checkouts = await subscriptions.checkouts(session, rows)
    return [SubscriptionView.of(one, checkouts.get(one.subscription.id)) for one in await reader.named(session, rows)]


def add_routes(router: APIRouter, deps: SubscriptionRoutes) -> None:
    """All of them."""
    _create(router, deps)
    _read(router, deps)
    _cancel(router, deps)
    _end(router, deps)


def _create(router: APIRouter, deps: SubscriptionRoutes) -> None:
    http = deps.http

    @router.post(
        "/applications/{id}/subscriptions",
        status_code=202,
        response_model=SubscriptionView,
        operation_id="create_subscription",
        tags=["Subscriptions"],
        summary="Subscribe an application to a plan of an API",
        responses=problems(401, 404, 409, 422),
        dependencies=[IDEMPOTENT],
    )
    async def create(
        request: Request,
        id: str,  # noqa: A002
        body: SubscriptionCreate,
        prefer: Prefer = None,
        actor: Actor = Depends(http.current_actor),
    ) -> Response:
        """Answers with the pending subscription; with `Prefer: wait` with the Checkout's address or the result."""

        async def run(session: AsyncSession) -> SubscriptionView:
            urls = [str(url) if url else None for url in (body.success_url, body.cancel_url)]
            wanted = Wanted(body.api_id, body.plan_id, *urls)
            subscription = await deps.subscriptions.subscribe(session, actor, id, wanted)
            return SubscriptionView.of((await deps.reader.named(session, [subscription]))[0], None)

        answer = await http.idempotency.create(request, actor.user_id, run, status=202)
        seconds = wait_seconds(prefer)
        if not seconds:
            return answer
        created = json.loads(bytes(answer.body))["id"]
        read = await wait_for(lambda: deps.read(actor, created), lambda read: read[2], seconds, deps.changes)
        headers = {"Preference-Applied": f"wait={seconds}"}
        return JSONResponse(read[1].model_dump(mode="json"), status_code=202, headers=headers)


def _read(router: APIRouter, deps: SubscriptionRoutes) -> None:
    http = deps.http

    @router.get(
        "/subscriptions/{id}",
        operation_id="get_subscription",
        tags=["Subscriptions"],
        summary="Read a subscription",
        responses=problems(401, 404),
    )
    async def read(
        id: str,  # noqa: A002
        prefer: Prefer = None,
        actor: Actor = Depends(http.current_actor),
    ) -> SubscriptionView:
        """Only who created it. `Prefer: wait` waits while it is pending."""
        found = await wait_for(lambda: deps.read(actor, id), lambda read: read[2], wait_seconds(prefer), deps.changes)
        return found[1]

    @router.get(
        "/portal/{organization}/subscriptions",
        operation_id="list_subscriptions",
        tags=["Subscriptions"],
        summary="List your subscriptions",
        responses=problems(401, 404, 422),
    )
    async def listed(
        organization: str,
        page: PageQuery,
        application: str | None = Query(default=None, max_length=64, description="Only of this application."),
        actor: Actor = Depends(http.current_actor),
    ) -> Page[SubscriptionView]:
        """Yours in this portal, oldest first."""
        async with http.uow.transaction() as session:
            found = await deps.organizations.find(session, organization)
            rows = await deps.subscriptions.listed(
                session, found.id, actor.user_id, application_id=application, after=page.after, limit=page.fetch
            )
            views = await views_of(session, deps.reader, deps.subscriptions, rows)
        return page.page(views, lambda view: view, lambda view: view.id)


def _cancel(router: APIRouter, deps: SubscriptionRoutes) -> None:
    http = deps.http

    @router.post(
        "/subscriptions/{id}/cancel",
        status_code=202,
        operation_id="cancel_subscription",
        tags=["Subscriptions"],
        summary="Cancel a subscription",
        responses=problems(401, 404, 409, 422),
    )
    async def cancel(
        id: str,  # noqa: A002
        body: CancelRequest | None = None,
        prefer: Prefer = None,
        actor: Actor = Depends(http.current_actor),
    ) -> SubscriptionView:
        """Only who created it. The usage so far is billed; `Prefer: wait` waits until access has ended."""
        when = (body or CancelRequest()).when
        async with http.uow.transaction() as session:
            before = await deps.subscriptions.cancel(session, actor, id, when)
        await http.uow.sent(SENT_SECONDS)

        def is_done(now: Subscription) -> bool:
            if when == "now":
                return now.is_over
            return now.version > before.version

        return await deps.after(actor, id, prefer, is_done)

    @router.post(
        "/subscriptions/{id}/resume",
        status_code=202,
        operation_id="resume_subscription",
        tags=["Subscriptions"],
        summary="Take back a cancellation at the period's end",
        responses=problems(401, 404, 409),
    )
    async def resume(
        id: str,  # noqa: A002
        prefer: Prefer = None,
        actor: Actor = Depends(http.current_actor),
    ) -> SubscriptionView:
        """While it still runs."""
        async with http.uow.transaction() as session:
            before = await deps.subscriptions.resume(session, actor, id)
        return await deps.after(actor, id, prefer, lambda now: now.version > before.version)


def _end(router: APIRouter, deps: SubscriptionRoutes) -> None:
    http = deps.http

    @router.post(
        "/organizations/{organization}/subscriptions/{id}/end",
        status_code=202,
        operation_id="end_subscription",
        tags=["Subscriptions"],
        summary="End a subscription as its provider",
        responses=problems(401, 403, 404, 409),
    )
    async def end(
        organization: str,
        id: str,  # noqa: A002
        actor: Actor = Depends(http.current_actor),
    ) -> SubscriptionView:
        """Role admin. Another thing than cancelling, which only the developer does; `ended_by` says so."""
        async with http.uow.transaction() as session:
            found = await deps.subscriptions.end(session, actor, organization, id)
        await http.uow.sent(SENT_SECONDS)
        async with http.uow.statements() as session:
            checkout = await deps.subscriptions.checkout(session, id)
            return SubscriptionView.of((await deps.reader.named(session, [found]))[0], checkout)
