"""The one folder that holds a stack's data, keys, logs and the record of its processes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nacl.public import PrivateKey
from nacl.secret import SecretBox
from nacl.utils import random as random_bytes

FILES = ("processes.json", "progress.jsonl", "secrets.json", "stack.json", "supervisor.json", "supervisor.lock")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Key material of this stack, generated once; a stack that lost it could not read its own database."""

    sealing_private_key: str
    sealing_public_key: str
    encryption_key: str
    postgres_password: str

    @classmethod
    def generate(cls) -> Secrets:
        """A fresh X25519 pair, a 32-byte box key and a database password."""
        private = PrivateKey.generate()
        return cls(
            sealing_private_key=base64.b64encode(bytes(private)).decode(),
            sealing_public_key=base64.b64encode(bytes(private.public_key)).decode(),
            encryption_key=base64.b64encode(random_bytes(SecretBox.KEY_SIZE)).decode(),
            postgres_password=secrets.token_urlsafe(24),
        )


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Where everything lies; nothing is written outside it but the cache of downloads."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def processes(self) -> Path:
        return self.root / "processes.json"

    @property
    def description(self) -> Path:
        return self.root / "stack.json"

    @property
    def progress(self) -> Path:
        return self.root / "progress.jsonl"

    @property
    def supervisor(self) -> Path:
        return self.root / "supervisor.json"

    @property
    def lock(self) -> Path:
        return self.root / "supervisor.lock"

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Create the folders. 0755 for root and data: as root, PostgreSQL's own user passes through them."""
        for folder in (self.root, self.data, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        """Delete what a stack writes, and the folder if nothing else is in it: TOLLWAY_STATE may name any folder."""
        for folder in (self.data, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        for name in FILES:
            (self.root / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.root.rmdir()

    def secrets(self) -> Secrets:
        """The key material, generated at the first call and readable by its owner only."""
        path = self.root / "secrets.json"
        if path.exists():
            return Secrets(**json.loads(path.read_text()))
        fresh = Secrets.generate()
        write_atomically(path, json.dumps(asdict(fresh), indent=1), mode=0o600)
        return fresh


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace the file as a whole: a reader sees the old text or the new one, never half of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def read_json(path: Path) -> Any:
    """The file's content, or None when it is not there."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def state_root(environment: Mapping[str, str], repository: Path) -> Path:
    """TOLLWAY_STATE, or `.tollway` in the repository."""
    named = environment.get("TOLLWAY_STATE")
    return Path(named).expanduser().resolve() if named else repository / ".tollway"


def repository_root() -> Path:
    """The clone this package was installed from (it is always installed editable)."""
    return Path(__file__).resolve().parents[4]
