"""Markdown that somebody else wrote, as HTML that is ours: no HTML of theirs, no pictures from elsewhere, no styles."""

from collections.abc import Sequence
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

# Deeper nesting is shown as text; CommonMark's worst cases stay linear.
_MAX_NESTING = 20
_LOWEST_HEADING = 6


# A page has its own first heading and loads nothing from elsewhere: an image is left as a link with its text.
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "maxNesting": _MAX_NESTING}).enable("table").disable("image")


@lru_cache(maxsize=256)
def render(text: str) -> Markup:
    """Safe to put into a page as it is, below the page's own first heading."""
    tokens = _MARKDOWN.parse(text)
    _order_headings(tokens)
    for token in tokens:
        _tame(token)
        for inner in token.children or ():
            _tame(inner)
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704


def _order_headings(tokens: Sequence[Token]) -> None:
    """The text's highest headings become second ones, and no level is left out: screen readers go by them."""
    found = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((int(token.tag[1:]) for token in found), default=1)
    level = 1
    for opening, closing in zip(found[::2], found[1::2], strict=True):
        level = min(int(opening.tag[1:]) - highest + 2, level + 1, _LOWEST_HEADING)
        opening.tag = closing.tag = f"h{level}"


def _tame(token: Token) -> None:
    token.attrs.pop("style", None)
    if token.type == "link_open":
        token.attrSet("rel", "nofollow noopener ugc")
