"""Applications and credentials in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import text
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.applications.adapters.tables import ApiKeyRow, ApplicationRow, OAuthClientRow
from portal_api.applications.domain.application import Application
from portal_api.applications.domain.credentials import ApiKey, OAuthClient

Row = TypeVar("Row", bound=SQLModel)

# Once a minute is enough to know, and spares a busy client a write for every token.
_TOUCH = text(
    "update oauth_clients set last_used_at = :at where id = :id"
    " and (last_used_at is null or last_used_at < cast(:at as timestamptz) - interval '1 minute')"
)


async def _by_id(session: AsyncSession, kind: type[Row], key: str, lock: bool) -> dict[str, Any] | None:
    row = await session.get(kind, key, with_for_update=lock, populate_existing=True)
    return row.model_dump() if row is not None else None


async def _keep(session: AsyncSession, row: SQLModel) -> None:
    await session.merge(row)
    await session.flush()


class PostgresApplications:
    """Port ApplicationStore."""

    async def add(self, session: AsyncSession, application: Application) -> None:
        """Keep a new application."""
        session.add(ApplicationRow(**asdict(application)))
        await session.flush()

    async def save(self, session: AsyncSession, application: Application) -> None:
        """Keep a changed application."""
        await _keep(session, ApplicationRow(**asdict(application)))

    async def find(self, session: AsyncSession, application_id: str, *, lock: bool = False) -> Application | None:
        """By id, locked if asked."""
        values = await _by_id(session, ApplicationRow, application_id, lock)
        return Application(**values) if values else None

    async def owned(
        self, session: AsyncSession, organization_id: str, developer_id: str, *, after: str | None, limit: int
    ) -> Sequence[Application]:
        """By id, after the last one of the page before."""
        query = select(ApplicationRow).where(
            ApplicationRow.organization_id == organization_id,
            ApplicationRow.developer_id == developer_id,
            ApplicationRow.status != "deleted",
        )
        if after is not None:
            query = query.where(ApplicationRow.id > after)
        rows = await session.exec(query.order_by(col(ApplicationRow.id)).limit(limit))
        return [Application(**row.model_dump()) for row in rows]

    async def names(self, session: AsyncSession, application_ids: Sequence[str]) -> dict[str, str]:
        """By id."""
        query = select(ApplicationRow.id, ApplicationRow.name).where(col(ApplicationRow.id).in_(application_ids))
        return dict((await session.exec(query)).all()) if application_ids else {}


class PostgresCredentials:
    """Port CredentialStore."""

    async def save_client(self, session: AsyncSession, client: OAuthClient) -> None:
        """New or changed."""
        await _keep(session, OAuthClientRow(**asdict(client)))

    async def client(self, session: AsyncSession, client_id: str, *, lock: bool = False) -> OAuthClient | None:
        """By client_id."""
        values = await _by_id(session, OAuthClientRow, client_id, lock)
        return OAuthClient(**values) if values else None

    async def clients(self, session: AsyncSession, application_id: str) -> Sequence[OAuthClient]:
        """Oldest first."""
        query = select(OAuthClientRow).where(OAuthClientRow.application_id == application_id)
        rows = await session.exec(query.order_by(col(OAuthClientRow.id)).execution_options(populate_existing=True))
        return [OAuthClient(**row.model_dump()) for row in rows]

    async def lock_clients(
        self, session: AsyncSession, *, after: str, limit: int
    ) -> Sequence[tuple[OAuthClient, Application]]:
        """The application's row stays free: what is read of it never changes."""
        query = (
            select(OAuthClientRow, ApplicationRow)
            .where(ApplicationRow.id == OAuthClientRow.application_id, OAuthClientRow.id > after)
            .order_by(OAuthClientRow.id)
            .limit(limit)
            .with_for_update(key_share=True, of=OAuthClientRow)
        )
        rows = await session.exec(query.execution_options(populate_existing=True))
        return [(OAuthClient(**row.model_dump()), Application(**owner.model_dump())) for row, owner in rows]

    async def touch_client(self, session: AsyncSession, client_id: str, at: datetime) -> None:
        """To the minute."""
        connection = await session.connection()
        await connection.execute(_TOUCH, {"id": client_id, "at": at})

    async def lock_graces_over(
        self, session: AsyncSession, now: datetime, *, limit: int
    ) -> tuple[Sequence[OAuthClient], Sequence[ApiKey]]:
        """Those that another replica holds are its work."""
        found = []
        for kind in (OAuthClientRow, ApiKeyRow):
            query = select(kind).where(col(kind.previous_valid_until) <= now).limit(limit)
            query = query.with_for_update(skip_locked=True).execution_options(populate_existing=True)
            found.append([row.model_dump() for row in await session.exec(query)])
        return [OAuthClient(**values) for values in found[0]], [ApiKey(**values) for values in found[1]]

    async def save_key(self, session: AsyncSession, key: ApiKey) -> None:
        """New or changed."""
        await _keep(session, ApiKeyRow(**asdict(key)))

    async def key(self, session: AsyncSession, key_id: str, *, lock: bool = False) -> ApiKey | None:
        """By id."""
        values = await _by_id(session, ApiKeyRow, key_id, lock)
        return ApiKey(**values) if values else None

    async def keys(self, session: AsyncSession, application_id: str) -> Sequence[ApiKey]:
        """Oldest first."""
        query = select(ApiKeyRow).where(ApiKeyRow.application_id == application_id)
        rows = await session.exec(query.order_by(col(ApiKeyRow.id)).execution_options(populate_existing=True))
        return [ApiKey(**row.model_dump()) for row in rows]

    async def lock_keys(self, session: AsyncSession, *, after: str, limit: int) -> Sequence[tuple[ApiKey, Application]]:
        """As `lock_clients`."""
        query = (
            select(ApiKeyRow, ApplicationRow)
            .where(ApplicationRow.id == ApiKeyRow.application_id, ApiKeyRow.id > after)
            .order_by(ApiKeyRow.id)
            .limit(limit)
            .with_for_update(key_share=True, of=ApiKeyRow)
        )
        rows = await session.exec(query.execution_options(populate_existing=True))
        return [(ApiKey(**row.model_dump()), Application(**owner.model_dump())) for row, owner in rows]
