"""Brandings in PostgreSQL."""

from datetime import datetime
from typing import cast

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from portal_api.organizations.domain.branding import PAGES, Branding, Logo, PageName
from portal_api.storage.reads import forget, once

_FIND = text(
    "select b.portal_name, b.accent_light, b.accent_dark, b.logo_digest, b.updated_at,"
    " (select array_agg(page) from brand_pages where organization_id = o.id) as pages"
    " from organizations o left join brandings b on b.organization_id = o.id where o.id = :organization"
)
_SAVE = text(
    "insert into brandings values (:organization, :portal_name, :accent_light, :accent_dark, :logo, :at)"
    " on conflict (organization_id) do update set portal_name = excluded.portal_name,"
    " accent_light = excluded.accent_light, accent_dark = excluded.accent_dark, logo_digest = excluded.logo_digest,"
    " updated_at = excluded.updated_at"
)
_SAVE_LOGO = text(
    "insert into brand_logos values (:organization, :content, :width, :height) on conflict (organization_id)"
    " do update set content = excluded.content, width = excluded.width, height = excluded.height"
)
_DROP_LOGO = text("delete from brand_logos where organization_id = :organization")
_LOGO = text("select content, width, height from brand_logos where organization_id = :organization")
_PAGE = text("select markdown, updated_at from brand_pages where organization_id = :organization and page = :page")
_SAVE_PAGE = text(
    "insert into brand_pages values (:organization, :page, :markdown, :at)"
    " on conflict (organization_id, page) do update set markdown = excluded.markdown, updated_at = excluded.updated_at"
    " where brand_pages.markdown <> excluded.markdown"
)
_DROP_PAGE = text("delete from brand_pages where organization_id = :organization and page = :page")


class PostgresBrandings:
    """Port BrandingRepository."""

    async def find(self, session: AsyncSession, organization_id: str) -> Branding:
        """An organization's; one that chose nothing has an empty one."""

        async def load() -> Branding:
            row = (await session.execute(_FIND, {"organization": organization_id})).mappings().first()
            if row is None:
                return Branding(organization_id=organization_id)
            written = row["pages"] or ()
            return Branding(
                organization_id=organization_id,
                portal_name=row["portal_name"],
                accent_light=row["accent_light"],
                accent_dark=row["accent_dark"],
                logo_sha256=row["logo_digest"],
                pages=tuple(page for page in PAGES if page in written),
                updated_at=row["updated_at"],
            )

        return await once(session, ("branding", organization_id), load)

    async def save(self, session: AsyncSession, branding: Branding) -> None:
        """All but its pages."""
        forget(session)
        values = {
            "organization": branding.organization_id,
            "portal_name": branding.portal_name,
            "accent_light": branding.accent_light,
            "accent_dark": branding.accent_dark,
            "logo": branding.logo_sha256,
            "at": branding.updated_at,
        }
        await session.execute(_SAVE, values)

    async def logo(self, session: AsyncSession, organization_id: str) -> Logo | None:
        """Its picture."""
        row = (await session.execute(_LOGO, {"organization": organization_id})).first()
        return Logo(bytes(row[0]), int(row[1]), int(row[2])) if row else None

    async def save_logo(self, session: AsyncSession, organization_id: str, logo: Logo | None) -> None:
        """None takes it away."""
        if logo is None:
            await session.execute(_DROP_LOGO, {"organization": organization_id})
            return
        values = {"content": logo.content, "width": logo.width, "height": logo.height}
        await session.execute(_SAVE_LOGO, {"organization": organization_id, **values})

    async def page(self, session: AsyncSession, organization_id: str, page: PageName) -> str | None:
        """A page's Markdown."""
        found = (await session.execute(_PAGE, {"organization": organization_id, "page": page})).first()
        return cast(str, found[0]) if found else None

    async def save_page(
        self, session: AsyncSession, organization_id: str, page: PageName, markdown: str, at: datetime
    ) -> None:
        """An empty text takes the page away."""
        forget(session)
        key = {"organization": organization_id, "page": page}
        if markdown:
            await session.execute(_SAVE_PAGE, {**key, "markdown": markdown, "at": at})
        else:
            await session.execute(_DROP_PAGE, key)
