"""Pictures that were uploaded become pictures of ours: decoded within limits by Pillow, and written anew as PNG.

Nothing of the file that came is kept: no metadata, no trailing data, no second meaning. SVG is a document with scripts
and is not read at all.
"""

import asyncio
import io
import warnings

from PIL import Image, UnidentifiedImageError

from portal_api.organizations.domain.branding import MAX_LOGO_BYTES, Logo
from shared.errors import DomainError

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 16_000_000
MAX_SIDE = 8_000
# Twice what the largest place on a page shows, for dense screens.
KEPT_WIDTH, KEPT_HEIGHT = 512, 192


class PillowLogos:
    """Port LogoMaker."""

    async def make(self, content: bytes) -> Logo:
        """Off the event loop. Raises DomainError."""
        if not content:
            raise _refused("The file is empty.")
        if len(content) > MAX_LOGO_BYTES:
            raise _refused(f"At most {MAX_LOGO_BYTES // 1024} KB are taken; this has {len(content) // 1024} KB.")
        return await asyncio.to_thread(_make, content)


def _make(content: bytes) -> Logo:
    try:
        with warnings.catch_warnings():
            # Pillow warns of a picture that unpacks to far more than it weighs: here it is refused.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                width, height = opened.size
                if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
                    raise _refused(f"At most {MAX_SIDE:,} pixels a side; this has {width:,} x {height:,}.")
                picture = opened.convert("RGBA")
    except UnidentifiedImageError as error:
        raise _refused("This is no PNG, JPEG or WebP picture.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _refused("The picture is damaged, or unpacks to too much.") from error
    picture.thumbnail((KEPT_WIDTH, KEPT_HEIGHT), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return Logo(written.getvalue(), picture.width, picture.height)


def _refused(message: str) -> DomainError:
    return DomainError("logo-invalid", 422, "The logo cannot be used", message, "logo")
