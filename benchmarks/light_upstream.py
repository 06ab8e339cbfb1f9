"""nginx in the place of the sample API: the same contract, one small answer, a fifth of the CPU time."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from benchmarks.gateway.prerequisites import find_nginx
from benchmarks.gateway.rivals import nginx_configuration

from journey.expect import wait_for

PORT = 8599  # `make bench-revocation` has the stack allow it
_ADDRESS = f"http://127.0.0.1:{PORT}"
_SERVER = """  server {{
    listen 127.0.0.1:{port};
    location / {{ return 200 '[{{"id":"1","title":"Invisible Cities"}}]'; }}
    location = /openapi.yaml {{ default_type application/yaml; alias {folder}/openapi.yaml; }}
  }}"""


@contextmanager
def light_upstream(sample: str) -> Iterator[str | None]:
    """Its address, with the contract of the API at `sample`; None where nginx is not installed."""
    nginx = find_nginx()
    if nginx is None:
        yield None
        return
    contract = httpx.get(f"{sample}/openapi.yaml").raise_for_status().text.replace(sample, _ADDRESS)
    with tempfile.TemporaryDirectory(prefix="tollway-upstream-") as name:
        Path(name).chmod(0o755)  # nginx's worker is another user
        folder = Path(name) / "nginx"
        configuration = nginx_configuration(folder, _SERVER.format(folder=folder, port=PORT), 1)
        (folder / "openapi.yaml").write_text(contract)
        with subprocess.Popen([nginx, "-c", str(configuration), "-e", f"{folder}/error.log"]) as process:
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
