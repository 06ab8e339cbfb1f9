"""nginx in the place of the sample API: the same contract, one small answer, a tenth of the CPU time."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from journey.expect import wait_for

PORT = 8599  # `make bench-revocation` has the stack allow it
_ADDRESS = f"http://127.0.0.1:{PORT}"
_CONFIGURATION = """pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
daemon off;
events {{ }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '[{{"id":"1","title":"Invisible Cities"}}]'; }}
    location = /openapi.yaml {{ default_type application/yaml; alias {folder}/openapi.yaml; }}
  }}
}}
"""


@contextmanager
def light_upstream(sample: str) -> Iterator[str | None]:
    """Its address, with the contract of the API at `sample`; None where nginx is not installed."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if nginx is None:
        yield None
        return
    contract = httpx.get(f"{sample}/openapi.yaml").raise_for_status().text.replace(sample, _ADDRESS)
    with tempfile.TemporaryDirectory(prefix="tollway-upstream-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker is another user
        (folder / "openapi.yaml").write_text(contract)
        (folder / "nginx.conf").write_text(_CONFIGURATION.format(folder=folder, port=PORT))
        with subprocess.Popen([nginx, "-c", str(folder / "nginx.conf"), "-e", f"{folder}/error.log"]) as process:
            try:
                wait_for("nginx", _answers, seconds=10, pause_seconds=0.05)
                yield _ADDRESS
            finally:
                process.terminate()


def _answers() -> bool:
    try:
        return httpx.get(f"{_ADDRESS}/openapi.yaml").status_code == 200
    except httpx.TransportError:
        return False
