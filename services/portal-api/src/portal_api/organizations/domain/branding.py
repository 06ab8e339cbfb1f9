"""How an organization's Developer Portal looks: its name, logo, accent, and the pages that it writes itself."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from portal_api.organizations.domain import colours
from portal_api.organizations.domain.colours import DARK, LEAST_CONTRAST, LIGHT, Colour, Surface, accent, readable
from shared.errors import DomainError

PageName = Literal["about", "terms", "docs"]
PAGES: tuple[PageName, ...] = get_args(PageName)
PAGE_TITLES: Mapping[PageName, str] = {"about": "About", "terms": "Terms", "docs": "Documentation"}
MAX_NAME = 60
MAX_PAGE_CHARACTERS = 50_000
MAX_LOGO_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Branding:
    """What an organization chose; None: as Tollway comes. Colours are `#rrggbb`; `pages`: those that have a text."""

    organization_id: str
    portal_name: str | None = None
    accent_light: str | None = None
    accent_dark: str | None = None
    logo_sha256: str | None = None
    pages: tuple[PageName, ...] = ()
    updated_at: datetime | None = None

    @property
    def style_sheet(self) -> str:
        """The colours as CSS; empty where none was chosen."""
        return style_sheet(self.accent_light, self.accent_dark)

    @property
    def style_version(self) -> str:
        """Another one whenever the style sheet is another one; empty where there is none."""
        sheet = self.style_sheet
        return hashlib.sha256(sheet.encode()).hexdigest()[:16] if sheet else ""

    @property
    def logo_version(self) -> str:
        """Another one whenever the logo is another one; empty where there is none."""
        return self.logo_sha256[:16] if self.logo_sha256 else ""

    def mail_values(self, name: str, address: str) -> dict[str, str]:
        """What a mail says and shows of the portal called `name` at `address`, an absolute URL."""
        values = {"portal_name": name, "portal_url": address}
        if self.logo_version:
            values["portal_logo"] = f"{address}/logo.png?v={self.logo_version}"
        if (chosen := accents(self.accent_light, self.accent_dark)) is not None:
            shown = accent(chosen[0], LIGHT)
            values |= {"portal_accent": str(shown.colour), "portal_accent_text": str(shown.text)}
        return values


@dataclass(frozen=True, slots=True)
class Logo:
    """A PNG that we made ourselves."""

    content: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """Names the content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Faults:
    """Gathers what is wrong, so that a form hears of all at once."""

    found: list[dict[str, object]] = field(default_factory=list)

    def add(self, name: str, message: str) -> None:
        """One field's."""
        self.found.append({"field": name, "message": message})

    def check(self) -> None:
        """Raise DomainError 422 if there is one."""
        if self.found:
            detail = " ".join(str(one["message"]) for one in self.found)
            raise DomainError("branding-invalid", 422, "The branding cannot be used", detail, errors=self.found)


# What Tailwind derives of these at the root, a panel must derive again of its own.
_AGAIN = "".join(
    f"--color-{name}:var(--{name});"
    for name in (
        "brand", "brand-soft", "primary", "primary-foreground", "background", "foreground", "card", "border",
        "muted-foreground",
    )
)  # fmt: skip
# Tollway's own accent, as `web-assets/tollway.css` has it: what the preview shows where none was chosen.
_OWN = (
    "--brand:oklch(0.45 0.09 196);--primary:oklch(0.45 0.09 196);--ring:oklch(0.6 0.11 196);"
    "--primary-foreground:oklch(0.99 0.005 196);--brand-soft:oklch(0.95 0.028 196)",
    "--brand:oklch(0.8 0.115 190);--primary:oklch(0.8 0.115 190);--ring:oklch(0.66 0.1 192);"
    "--primary-foreground:oklch(0.2 0.03 196);--brand-soft:oklch(0.3 0.045 196)",
)


def checked_colour(text: str | None, surface: Surface, name: str, faults: Faults) -> str | None:
    """As `#rrggbb`; None if none was chosen. A colour that cannot be read is refused, with the nearest that can."""
    if text is None or not text.strip():
        return None
    colour = colours.parse(text)
    if colour is None:
        faults.add(name, f"`{text[:20]}` is no colour. Write it as `#0f766e`: six hexadecimal digits after a `#`.")
        return None
    found = surface.contrast(colour)
    if found < LEAST_CONTRAST:
        theme = "light" if surface is LIGHT else "dark"
        faults.add(
            name,
            f"{colour} has a contrast of {found:.1f} : 1 in the {theme} theme; text needs {LEAST_CONTRAST} : 1."
            f" The nearest shade that can be read is {readable(colour, surface)}.",
        )
        return None
    return str(colour)


def checked_name(text: str | None, faults: Faults) -> str | None:
    """Without the space around it; None for the organization's own name."""
    name = " ".join((text or "").split())
    if len(name) > MAX_NAME:
        faults.add("portal_name", f"At most {MAX_NAME} characters; this has {len(name)}.")
    if not name.isprintable():
        faults.add("portal_name", "The name has characters that cannot be shown.")
    return name or None


def checked_page(text: str) -> str:
    """A page's Markdown. Raises DomainError."""
    faults = Faults()
    if len(text) > MAX_PAGE_CHARACTERS:
        faults.add("markdown", f"At most {MAX_PAGE_CHARACTERS:,} characters; this has {len(text):,}.")
    if "\0" in text:
        faults.add("markdown", "The text has a NUL character, which cannot be stored.")
    faults.check()
    return text.replace("\r\n", "\n").strip()


def accents(light: str | None, dark: str | None) -> tuple[Colour, Colour] | None:
    """The accents of both themes; the one that was not chosen is the nearest readable shade of the other."""
    chosen_light, chosen_dark = colours.parse(light or ""), colours.parse(dark or "")
    base = chosen_light or chosen_dark
    if base is None:
        return None
    return chosen_light or readable(base, LIGHT), chosen_dark or readable(base, DARK)


def style_sheet(light: str | None, dark: str | None) -> str:
    """Variables of `tollway.css` that an accent replaces, for the system's theme and for the chosen one."""
    found = accents(light, dark)
    if found is None:
        return ""
    in_light, in_dark = _variables(found[0], LIGHT), _variables(found[1], DARK)
    return f":root{{{in_light}}}@media (prefers-color-scheme:dark){{html:not(.light){{{in_dark}}}}}.dark{{{in_dark}}}\n"


def preview_sheet(light: str | None, dark: str | None) -> str:
    """For two panels side by side, whatever theme the page around them has."""
    found = accents(light, dark)
    sheet = ""
    for name, surface, ink, index in (("light", LIGHT, colours.INK, 0), ("dark", DARK, colours.WHITE, 1)):
        colours_of = _variables(found[index], surface) if found else _OWN[index]
        paper, line = surface.background, ink.mixed(surface.background, 0.12)
        quiet = ink.mixed(surface.background, 0.65)
        sheet += (
            f"[data-preview={name}]{{--background:{paper};--card:{paper};--foreground:{ink};--card-foreground:{ink};"
            f"--border:{line};--muted-foreground:{quiet};{colours_of};{_AGAIN}"
            f"background:{paper};color:{ink};border:1px solid {line}}}\n"
        )
    return sheet


def _variables(colour: Colour, surface: Surface) -> str:
    shades = accent(colour, surface)
    return (
        f"--brand:{shades.colour};--primary:{shades.colour};--ring:{shades.colour};"
        f"--primary-foreground:{shades.text};--brand-soft:{shades.soft}"
    )
