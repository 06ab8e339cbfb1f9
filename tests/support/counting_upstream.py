"""An upstream that counts what it receives, so that tests know how many calls really went through."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTRACT = """openapi: 3.0.3
info: {{title: {title}, version: 1.0.0}}
servers: [{{url: "{url}"}}]
paths:
  /things:
    get: {{operationId: listThings, responses: {{"200": {{description: all}}}}}}
  /broken:
    get: {{operationId: break, responses: {{"500": {{description: always}}}}}}
"""


class CountingUpstream:
    """Answers GET /things with 200 and GET /broken with 500; `received` counts both."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self.received = 0
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def do_GET(self) -> None:
                with lock:
                    upstream.received += 1
                status = 500 if self.path.startswith("/broken") else 200
                body = b'[{"id": "1"}]'
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def contract(self, title: str) -> str:
        """Its OpenAPI document."""
        return CONTRACT.format(title=title, url=self.url)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
