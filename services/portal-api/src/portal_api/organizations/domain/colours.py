"""Colours that can be read: contrast as WCAG 2.2 defines it, and the shades that a brand's accent needs.

https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

import re
from dataclasses import dataclass

# What WCAG's level AA asks of text of ordinary size.
LEAST_CONTRAST = 4.5
_HEX = re.compile(r"#[0-9a-f]{6}")
_STEPS = 40


@dataclass(frozen=True, slots=True)
class Colour:
    """sRGB, 0 to 255 each."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 (black) to 1 (white)."""
        return 0.2126 * _linear(self.red) + 0.7152 * _linear(self.green) + 0.0722 * _linear(self.blue)

    def mixed(self, other: "Colour", share: float) -> "Colour":
        """`share` of this one, the rest of the other."""
        pairs = zip((self.red, self.green, self.blue), (other.red, other.green, other.blue), strict=True)
        return Colour(*(round(one * share + two * (1 - share)) for one, two in pairs))


WHITE, INK = Colour(255, 255, 255), Colour(16, 21, 24)


@dataclass(frozen=True, slots=True)
class Surface:
    """Where an accent stands: the pages' own background in one of the two themes (`web-assets/tollway.css`)."""

    background: Colour
    soft_share: float

    def soft(self, accent: Colour) -> Colour:
        """The accent's tint, behind what is chosen."""
        return accent.mixed(self.background, self.soft_share)

    def contrast(self, accent: Colour) -> float:
        """The least contrast that the accent has as a text: on the background, and on its own tint."""
        return min(contrast(accent, self.background), contrast(accent, self.soft(accent)))


LIGHT, DARK = Surface(Colour(251, 252, 252), 0.1), Surface(Colour(24, 29, 32), 0.2)


@dataclass(frozen=True, slots=True)
class Accent:
    """An accent with what stands on it and behind it."""

    colour: Colour
    text: Colour
    soft: Colour


def parse(text: str) -> Colour | None:
    """`#0F766E`; None if it is no colour."""
    lower = text.strip().lower()
    if not _HEX.fullmatch(lower):
        return None
    return Colour(*(int(lower[at : at + 2], 16) for at in (1, 3, 5)))


def contrast(one: Colour, other: Colour) -> float:
    """1 (the same) to 21 (black on white)."""
    high, low = sorted((one.luminance, other.luminance), reverse=True)
    return (high + 0.05) / (low + 0.05)


def readable(wanted: Colour, surface: Surface) -> Colour:
    """The wanted colour, or the nearest shade of it that can be read on the surface."""
    towards = INK if surface is LIGHT else WHITE
    for step in range(_STEPS + 1):
        shade = towards.mixed(wanted, step / _STEPS)
        if surface.contrast(shade) >= LEAST_CONTRAST:
            return shade
    return towards


def accent(colour: Colour, surface: Surface) -> Accent:
    """With the text that is read best on it."""
    text = WHITE if contrast(WHITE, colour) >= contrast(INK, colour) else INK
    return Accent(colour, text, surface.soft(colour))


def _linear(part: int) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
