"""An organization's branding: chosen over REST and in the Console, seen in its Developer Portal, kept in the log."""

import io
import re
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from PIL import Image
from tests.support.portal import BASE, PASSWORD, Portal, created, portal, provider_with_api


@pytest.fixture(scope="module")
def database_url(database: Callable[[str], str]) -> str:
    return database("portal_api")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Portal]:
    async with portal(database_url) as running:
        yield running


def logo() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 32), (15, 118, 110)).save(written, "JPEG")
    return written.getvalue()


async def browser(here: Portal, email: str) -> httpx.AsyncClient:
    """Signed in by the page, as a person is."""
    found = here.client()
    form = {"email": email, "password": PASSWORD, "next": "/"}
    assert (await found.post("/sign-in", data=form, headers={"Origin": BASE})).status_code == 303
    return found


async def test_chosen_over_rest_and_seen_in_the_portal(here: Portal) -> None:
    admin = await here.signed_up("brand@example.com")
    ids = await provider_with_api(admin, "Brand One")
    path = f"/v1/organizations/{ids['organization']}/branding"
    empty = await created(await admin.get(path), 200)
    assert (empty["portal_name"], empty["logo_url"], empty["pages"]) == (None, None, [])
    plain = (await here.client().get("/portal/brand-one/apis")).text
    assert "brand.css" not in plain and "logo.png" not in plain

    await created(await admin.put(path, json={"portal_name": "Acme <APIs>", "accent_light": "#0F766E"}), 200)
    await created(await admin.put(f"{path}/logo", content=logo(), headers={"Content-Type": "image/jpeg"}), 200)
    text = "# Who\n\n<script>x</script> We lend **books**."
    chosen = await created(await admin.put(f"{path}/pages/about", json={"markdown": text}), 200)
    assert (chosen["accent_light"], chosen["accent_dark"], chosen["pages"]) == ("#0f766e", None, ["about"])
    assert chosen["shown_accent_dark"] is not None
    assert (await admin.get(f"{path}/pages/about")).json() == {"markdown": text}

    stranger = here.client()
    page = await stranger.get("/portal/brand-one/apis")
    assert "Acme &lt;APIs&gt;" in page.text and "/portal/brand-one/pages/about" in page.text
    assert "unsafe-inline" not in page.headers["content-security-policy"].replace("style-src-attr 'unsafe-inline'", "")
    sheet_at, logo_at = (
        re.findall(rf'(/portal/brand-one/{name}\?v=\w+)"', page.text)[0] for name in ("brand.css", "logo.png")
    )
    sheet = await stranger.get(sheet_at)
    assert sheet.text.startswith(":root{--brand:#0f766e") and sheet.headers["content-type"].startswith("text/css")
    assert "immutable" in sheet.headers["cache-control"]
    picture = await stranger.get(logo_at)
    assert picture.headers["content-type"] == "image/png" and picture.content.startswith(b"\x89PNG")
    assert picture.headers["x-content-type-options"] == "nosniff"
    again = await stranger.get("/portal/brand-one/brand.css", headers={"If-None-Match": sheet.headers["etag"]})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
    about = (await stranger.get("/portal/brand-one/pages/about")).text
    assert "<strong>books</strong>" in about and "<script>x" not in about
    assert (await stranger.get("/portal/brand-one/pages/terms")).status_code == 404

    assert (await admin.delete(f"{path}/logo")).status_code == 204
    await created(await admin.put(f"{path}/pages/about", json={"markdown": " "}), 200)
    await created(await admin.put(path, json={}), 200)
    bare = (await stranger.get("/portal/brand-one/apis")).text
    assert "brand.css" not in bare and "logo.png" not in bare and "/pages/" not in bare and "Brand One" in bare
    assert (await stranger.get(logo_at)).status_code == 404


async def test_what_cannot_be_used_changes_nothing(here: Portal) -> None:
    admin = await here.signed_up("brand-wrong@example.com")
    ids = await provider_with_api(admin, "Brand Wrong")
    path = f"/v1/organizations/{ids['organization']}/branding"
    refused = await admin.put(path, json={"portal_name": "Kept out", "accent_light": "#ffff00"})
    assert refused.status_code == 422 and refused.json()["type"].endswith("/branding-invalid")
    assert refused.json()["errors"][0]["field"] == "accent_light"
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    answer = await admin.put(f"{path}/logo", content=svg, headers={"Content-Type": "image/svg+xml"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "logo-invalid")
    heavy = await admin.put(f"{path}/logo", content=b"\0" * (512 * 1024 + 1), headers={"Content-Type": "image/png"})
    assert heavy.status_code == 413
    assert (await admin.put(f"{path}/pages/imprint", json={"markdown": "x"})).status_code == 422
    assert (await created(await admin.get(path), 200))["updated_at"] is None


async def test_the_consoles_page_previews_saves_and_says_what_is_wrong(here: Portal) -> None:
    email = "brand-page@example.com"
    admin = await here.signed_up(email)
    ids = await provider_with_api(admin, "Brand Page")
    person, at = await browser(here, email), "/console/brand-page/settings/branding"
    csrf = re.findall(r'name="csrf_token" value="(\w+)"', (await person.get(at)).text)[0]
    fields = {"csrf_token": csrf, "portal_name": "Page APIs", "accent_light": "#7c2d12", "page_docs": "## Start here"}

    tried = await person.post(at, data={**fields, "action": "preview"}, files={"logo": b""}, headers={"Origin": BASE})
    assert tried.status_code == 200 and "preview.css?light=%237c2d12" in tried.text
    assert (await admin.get(f"/v1/organizations/{ids['organization']}/branding")).json()["portal_name"] is None

    wrong = {**fields, "accent_light": "#ffff00"}
    refused = await person.post(at, data=wrong, files={"logo": b""}, headers={"Origin": BASE})
    assert (
        refused.status_code == 422 and "nearest shade that can be read" in refused.text and "Page APIs" in refused.text
    )

    picture = {"logo": ("logo.jpg", logo(), "image/jpeg")}
    saved = await person.post(at, data=fields, files=picture, headers={"Origin": BASE})
    assert (saved.status_code, saved.headers["location"]) == (303, at)
    chosen = (await admin.get(f"/v1/organizations/{ids['organization']}/branding")).json()
    assert (chosen["portal_name"], chosen["pages"], bool(chosen["logo_url"])) == ("Page APIs", ["docs"], True)
    sheet = await person.get(f"{at}/preview.css?light=%237c2d12&dark=%23zzzzzz")
    assert "[data-preview=light]{" in sheet.text and "--brand:#7c2d12" in sheet.text and "zzz" not in sheet.text
    live = await person.get(f"{at}/preview?portal_name=A%26B&accent_light=%23ffff00")
    assert "A&amp;B" in live.text and "nearest shade" in live.text

    entries = (await admin.get(f"/v1/organizations/{ids['organization']}/audit-log")).json()["data"]
    said = {(entry["target_type"], entry["action"]) for entry in entries}
    assert {("branding", "created"), ("brand_page", "created")} <= said


async def test_who_comes_from_a_portal_sees_its_looks_until_they_are_in(here: Portal) -> None:
    admin = await here.signed_up("brand-sign-in@example.com")
    ids = await provider_with_api(admin, "Brand Door")
    path = f"/v1/organizations/{ids['organization']}/branding"
    await created(await admin.put(path, json={"portal_name": "Acme <APIs>", "accent_light": "#0F766E"}), 200)
    await created(await admin.put(f"{path}/logo", content=logo(), headers={"Content-Type": "image/jpeg"}), 200)
    stranger, target = here.client(), "/portal/brand-door/apis/api_1/subscribe"
    led = await stranger.get("/portal/brand-door/applications")
    for address in (led.headers["location"], f"/sign-up?next={target}", f"/forgot-password?next={target}"):
        page = (await stranger.get(address)).text
        assert "Acme &lt;APIs&gt;" in page and "/portal/brand-door/brand.css?v=" in page, address
        assert "/portal/brand-door/logo.png?v=" in page
    for address in (
        "/sign-in?next=/portal/nobody/apis",
        "/sign-in?next=/console",
        "/sign-in?next=//evil.test/portal/x",
    ):
        assert "brand.css" not in (await stranger.get(address)).text
    form = {"name": "Dana", "email": "dana-at-the-door@example.com", "password": PASSWORD, "next": target}
    assert (await stranger.post("/sign-up", data=form, headers={"Origin": BASE})).headers["location"] == target
    again = {"email": "dana-at-the-door@example.com", "next": target}
    assert (await here.client().post("/forgot-password", data=again, headers={"Origin": BASE})).status_code == 200
    mails = await here.mails_to("dana-at-the-door@example.com")
    assert len(mails) == 2
    for mail in mails:
        assert "Acme &lt;APIs&gt;" in mail.html and "#0f766e" in mail.html and "Acme <APIs>" in mail.text
        assert f'src="{BASE}/portal/brand-door/logo.png?v=' in mail.html and f'"{BASE}/portal/brand-door"' in mail.html
    await here.signed_up("from-nowhere@example.com")
    assert "Developer Portal" not in (await here.mails_to("from-nowhere@example.com"))[0].html


async def test_agents_read_the_portals_own_name_and_pages(here: Portal) -> None:
    admin = await here.signed_up("brand-agents@example.com")
    ids = await provider_with_api(admin, "Brand Agents")
    path = f"/v1/organizations/{ids['organization']}/branding"
    await created(await admin.put(path, json={"portal_name": "Acme [APIs]"}), 200)
    await created(await admin.put(f"{path}/pages/terms", json={"markdown": "Be kind."}), 200)
    listed = (await here.client().get("/portal/brand-agents/llms.txt")).text
    assert listed.startswith("# Acme \\[APIs\\]\n") and "Brand Agents" not in listed
    assert f"- [Terms]({BASE}/portal/brand-agents/pages/terms)" in listed
