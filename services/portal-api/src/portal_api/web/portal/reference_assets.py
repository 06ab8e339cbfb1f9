"""The API reference's viewer (Scalar, MIT) from our own origin: its files lie in one archive, unpacked at first use."""

import gzip
import zipfile
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

ARCHIVE = Path(__file__).parents[1] / "static" / "scalar.zip"
ENTRY = "standalone.esm.js"
_TYPES = {".js": "text/javascript; charset=utf-8", ".txt": "text/plain; charset=utf-8"}


def add_routes(router: APIRouter) -> None:
    """Serves them; the names of its parts carry their content's hash."""

    @router.get("/assets/scalar/{name:path}")
    async def part(name: str, request: Request) -> Response:
        body = _packed(name)
        if body is None:
            return Response(status_code=404)
        headers = {"Cache-Control": "public, max-age=86400", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
        return Response(body, media_type=_TYPES[Path(name).suffix], headers=headers)


@lru_cache(maxsize=256)
def _packed(name: str) -> bytes | None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        if name not in archive.namelist():
            return None
        return gzip.compress(archive.read(name), 6, mtime=0)
