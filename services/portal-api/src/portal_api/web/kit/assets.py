"""The built files: one style sheet, one script, fonts, icons. Each address carries its content's hash."""

import gzip
import hashlib
import json
from pathlib import Path

from fastapi import APIRouter, Request, Response

FOLDER = Path(__file__).parents[1] / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOREVER = "public, max-age=31536000, immutable"
_A_WHILE = "public, max-age=300"
_FONT = "public, max-age=604800"


class Assets:
    """Read once, compressed once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._content = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in _TYPES}
        self._packed = {
            name: gzip.compress(body, 9, mtime=0)
            for name, body in self._content.items()
            if not name.endswith(".woff2") and len(body) > 500
        }
        self._version = {name: hashlib.sha256(body).hexdigest()[:10] for name, body in self._content.items()}
        self.icons: dict[str, str] = json.loads((folder / "icons.json").read_text())

    def address(self, name: str) -> str:
        """`/assets/tollway.css?v=...`: may be cached for ever."""
        return f"/assets/{name}?v={self._version[name]}"

    def router(self) -> APIRouter:
        """Serves them."""
        router = APIRouter(include_in_schema=False)

        @router.get("/assets/{name}")
        async def asset(name: str, request: Request) -> Response:
            body = self._content.get(name)
            if body is None:
                return Response(status_code=404)
            current = request.query_params.get("v") == self._version[name]
            kept = _FOREVER if current else _FONT if name.endswith(".woff2") else _A_WHILE
            headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
            if name in self._packed and "gzip" in request.headers.get("accept-encoding", ""):
                body, headers["Content-Encoding"] = self._packed[name], "gzip"
            return Response(body, media_type=_TYPES[Path(name).suffix], headers=headers)

        return router
