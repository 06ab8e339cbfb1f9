"""What a developer does with applications."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.domain.application import (
    DEFAULT_LIFETIME_SECONDS,
    MAX_APPLICATIONS_PER_DEVELOPER,
    Application,
    check_active,
    check_lifetime,
    check_name,
    no_such_application,
)
from portal_api.applications.ports import ApplicationStore, LiveSubscriptions, Numbers
from portal_api.applications.use_cases.credentials import Credentials
from shared.clock import Clock
from shared.errors import DomainError
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class NewApplication:
    """What a developer states of a new application."""

    name: str
    description: str = ""
    access_token_lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS


@dataclass(frozen=True, slots=True)
class Applications:
    """The use cases, with what they need."""

    store: ApplicationStore
    numbers: Numbers
    clock: Clock
    credentials: Credentials
    subscriptions: LiveSubscriptions

    async def create(
        self, session: AsyncSession, organization_id: str, developer_id: str, wanted: NewApplication
    ) -> Application:
        """A new application."""
        name = check_name(wanted.name)
        lifetime = check_lifetime(wanted.access_token_lifetime_seconds)
        limit = MAX_APPLICATIONS_PER_DEVELOPER
        if len(await self.store.owned(session, organization_id, developer_id, after=None, limit=limit)) >= limit:
            raise DomainError(
                "too-many-applications",
                409,
                "Too many applications",
                f"A developer can have {limit} applications in one portal. Delete one that you no longer need.",
            )
        application = Application(
            id=new_id("app"),
            number=await self.numbers(session),
            organization_id=organization_id,
            developer_id=developer_id,
            name=name,
            description=wanted.description.strip()[:1000],
            access_token_lifetime_seconds=lifetime,
            status="active",
            created_at=self.clock.now(),
        )
        await self.store.add(session, application)
        return application

    async def owned(
        self, session: AsyncSession, application_id: str, developer_id: str, *, lock: bool = False
    ) -> Application:
        """An application of this developer; anybody else's does not exist for them."""
        application = await self.store.find(session, application_id, lock=lock)
        if application is None or application.developer_id != developer_id or application.status == "deleted":
            raise no_such_application(application_id)
        return application

    async def listed(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, after: str | None, limit: int
    ) -> Sequence[Application]:
        """A page of a developer's applications."""
        return await self.store.owned(session, organization_id, developer_id, after=after, limit=limit)

    async def names(self, session: AsyncSession, application_ids: Sequence[str]) -> dict[str, str]:
        """For lists of the features above: it asks nobody who they are."""
        return await self.store.names(session, application_ids)

    async def change(
        self,
        session: AsyncSession,
        application_id: str,
        developer_id: str,
        *,
        name: str | None,
        description: str | None,
        access_token_lifetime_seconds: int | None,
    ) -> Application:
        """Change what is given. A new lifetime holds for tokens issued from now on."""
        application = check_active(await self.owned(session, application_id, developer_id, lock=True))
        if name is not None:
            application = replace(application, name=check_name(name))
        if description is not None:
            application = replace(application, description=description.strip()[:1000])
        if access_token_lifetime_seconds is not None:
            lifetime = check_lifetime(access_token_lifetime_seconds)
            application = replace(application, access_token_lifetime_seconds=lifetime)
        await self.store.save(session, application)
        return application

    async def delete(self, session: AsyncSession, application_id: str, developer_id: str) -> Application:
        """Credentials off at once, live subscriptions ordered to end; gone when all have ended. Twice is once."""
        application = await self.owned(session, application_id, developer_id, lock=True)
        if application.status == "deleting":
            return application
        await self.credentials.revoke_all(session, application)
        waiting = await self.subscriptions.end_all(session, application, developer_id)
        application = replace(application, status="deleting" if waiting else "deleted")
        await self.store.save(session, application)
        return application

    async def forget_ended(self, session: AsyncSession, application_id: str) -> None:
        """The last subscription of an application being deleted has ended."""
        application = await self.store.find(session, application_id, lock=True)
        if application is not None and application.status == "deleting":
            await self.store.save(session, replace(application, status="deleted"))
