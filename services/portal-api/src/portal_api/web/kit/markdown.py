"""Markdown that somebody else wrote, as HTML that is ours: no HTML of theirs, no pictures from elsewhere, no styles."""

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
    """Safe to put into a page as it is."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        _tame(token)
        for inner in token.children or ():
            _tame(inner)
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704


def _tame(token: Token) -> None:
    token.attrs.pop("style", None)
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(int(token.tag[1:]) + 1, _LOWEST_HEADING)}"
    if token.type == "link_open":
        token.attrSet("rel", "nofollow noopener ugc")
