"""Accents that can be read, style sheets made of them, uploaded pictures, and Markdown that somebody else wrote."""

import io
import re
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from portal_api.organizations.adapters.logo_maker import KEPT_HEIGHT, KEPT_WIDTH, MAX_SIDE, PillowLogos
from portal_api.organizations.domain.branding import (
    MAX_LOGO_BYTES,
    Branding,
    Faults,
    accents,
    checked_colour,
    checked_name,
    style_sheet,
)
from portal_api.organizations.domain.colours import (
    DARK,
    LEAST_CONTRAST,
    LIGHT,
    WHITE,
    Colour,
    Surface,
    accent,
    contrast,
    parse,
    readable,
)
from portal_api.web.kit.markdown import render
from shared.errors import DomainError

COLOURS = st.builds(Colour, *(st.integers(0, 255),) * 3)
SURFACES = st.sampled_from((LIGHT, DARK))


def test_contrast_is_wcags() -> None:
    """Pairs whose ratio the WCAG working group's own examples give."""
    assert contrast(WHITE, Colour(0, 0, 0)) == pytest.approx(21)
    assert contrast(Colour(0x76, 0x76, 0x76), WHITE) == pytest.approx(4.54, abs=0.01)
    assert contrast(Colour(0x77, 0x77, 0x77), WHITE) == pytest.approx(4.48, abs=0.01)


@given(COLOURS, SURFACES)
def test_whatever_is_wanted_there_is_a_readable_shade(wanted: Colour, surface: Surface) -> None:
    shade = readable(wanted, surface)
    assert surface.contrast(shade) >= LEAST_CONTRAST
    if surface.contrast(wanted) >= LEAST_CONTRAST:
        assert shade == wanted, "what can be read is left alone"
    made = accent(shade, surface)
    assert contrast(made.text, made.colour) >= LEAST_CONTRAST, "the text on a button"


@given(COLOURS)
def test_one_colour_is_enough_for_both_themes(wanted: Colour) -> None:
    light = str(readable(wanted, LIGHT))
    found = accents(light, None)
    assert found is not None
    assert str(found[0]) == light and DARK.contrast(found[1]) >= LEAST_CONTRAST


def test_a_colour_that_cannot_be_read_is_refused_with_one_that_can() -> None:
    faults = Faults()
    assert checked_colour("#FFEE00", LIGHT, "accent_light", faults) is None
    assert checked_colour("teal", DARK, "accent_dark", faults) is None
    assert checked_colour(" ", LIGHT, "accent_light", faults) is None
    with pytest.raises(DomainError) as refused:
        faults.check()
    low, none = refused.value.errors
    assert (low["field"], none["field"]) == ("accent_light", "accent_dark")
    suggested = str(low["message"]).rpartition(" ")[2].rstrip(".")
    assert checked_colour(suggested, LIGHT, "accent_light", Faults()) == suggested


@pytest.mark.parametrize("text", ["", "#12345", "#1234567", "red", "#12345g", "#123456;}body{display:none", "url(x)"])
def test_nothing_but_a_colour_gets_into_the_style_sheet(text: str) -> None:
    assert parse(text) is None
    assert style_sheet(text, text) == ""


def test_the_style_sheet_sets_both_themes_and_names_its_version() -> None:
    sheet = Branding(organization_id="org_1", accent_light="#0f766e").style_sheet
    assert sheet.startswith(":root{--brand:#0f766e;--primary:#0f766e;")
    assert "@media (prefers-color-scheme:dark){html:not(.light){--brand:" in sheet and "}.dark{--brand:" in sheet
    one, other = (Branding(organization_id="o", accent_light=colour) for colour in ("#0f766e", "#1d4ed8"))
    assert one.style_version != other.style_version
    assert Branding(organization_id="o").style_version == ""


def test_a_name_is_one_line() -> None:
    assert checked_name("  Acme \n APIs ", Faults()) == "Acme APIs"
    assert checked_name("   ", Faults()) is None
    for wrong in ("x" * 61, "Acme\u202eAPIs"):
        faults = Faults()
        checked_name(wrong, faults)
        assert faults.found


def picture(kind: str, size: tuple[int, int] = (40, 20), **more: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(written, kind, **more)
    return written.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_pictures_are_written_anew(kind: str) -> None:
    more: dict[str, object] = {}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", "taken at home")
        more = {"pnginfo": info}
    made = await PillowLogos().make(picture(kind, **more) + b"<script>alert(1)</script>")
    assert made.content.startswith(b"\x89PNG")
    assert b"script" not in made.content and b"taken at home" not in made.content
    with Image.open(io.BytesIO(made.content)) as again:
        assert (again.format, again.size) == ("PNG", (40, 20)) == ("PNG", (made.width, made.height))


async def test_large_pictures_shrink_and_keep_their_shape() -> None:
    made = await PillowLogos().make(picture("PNG", (2000, 1000)))
    assert made.width <= KEPT_WIDTH and made.height <= KEPT_HEIGHT
    assert made.width == pytest.approx(2 * made.height, abs=1)


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 60,000 pixels a side."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + b"\0" * 40,
        picture("BMP"),
        picture("PNG")[:60],
        bomb(),
        picture("PNG", (MAX_SIDE + 1, 1)),
        b"\x89PNG\r\n\x1a\n" + b"\0" * MAX_LOGO_BYTES,
    ],
    ids=["empty", "svg", "gif", "bmp", "cut", "bomb", "wide", "heavy"],
)
async def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(DomainError) as refused:
        await PillowLogos().make(content)
    assert (refused.value.problem, refused.value.status) == ("logo-invalid", 422)


def test_markdown_becomes_text_that_does_nothing() -> None:
    html = render(
        "# About\n\n<script>alert(1)</script> <b onclick=x>b</b>\n\n[a](javascript:alert(1)) [b](https://example.com)"
        " ![p](https://example.com/p.png)\n\n| a | b |\n|:-:|--:|\n| 1 | 2 |\n"
    )
    assert "<h2>About</h2>" in html and "<h1" not in html
    assert "&lt;script&gt;" in html and "<script" not in html and "<b " not in html
    assert 'href="javascript' not in html and "<img" not in html and "style=" not in html
    assert '<a href="https://example.com" rel="nofollow noopener ugc">b</a>' in html
    assert "<td>1</td>" in html


@pytest.mark.parametrize(
    ("text", "levels"),
    [("# A\n## B", "23"), ("## A\n### B\n## C", "232"), ("# A\n#### B\n##### C", "234"), ("##### A\n# B", "22")],
)
def test_headings_leave_no_level_out(text: str, levels: str) -> None:
    assert re.findall(r"<h(\d)>", render(text)) == list(levels)


@given(st.text(max_size=200))
def test_no_markdown_makes_a_tag_that_is_not_markdowns(text: str) -> None:
    html = str(render(text)).lower()
    for tag in ("<script", "<iframe", "<img", "<style", "<svg", "<form", "<input", " style=", "<link", "<meta"):
        assert tag not in html
