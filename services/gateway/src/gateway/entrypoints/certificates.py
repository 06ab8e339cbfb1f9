"""The certificates that clients are shown, by the name they ask for (SNI); new files are taken up without a restart."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509

log = structlog.get_logger()

Pair = tuple[Path, Path]
State = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A pair of files as it was read. `names`: what its certificate is for, in lower case."""

    state: State
    names: frozenset[str]
    context: ssl.SSLContext


class Certificates:
    """TLS contexts that follow their files. HTTP/1.1 is offered by ALPN; TLS 1.2 is the least.

    `directory` holds `<name>.crt` with `<name>.key`, or folders with `tls.crt` and `tls.key` (Kubernetes mounts such).
    Clients that name no host, or one without a certificate, are shown `certificate`, else the directory's first.
    Raises OSError (ssl.SSLError too) and ValueError where there is none that can be used.
    """

    def __init__(self, certificate: Path | None, key: Path | None, directory: Path | None = None) -> None:
        self._directory = directory
        self._shown: dict[Pair, _Shown] = {pair: _read(pair) for pair in self._pairs()}
        self._default = (certificate, key) if certificate is not None and key is not None else self._first()
        self.context = _context()
        self._seen = _state(self._default)
        self.context.load_cert_chain(*self._default)
        self._told: set[tuple[Pair, State]] = set()
        self._by_name: dict[str, ssl.SSLContext] = {}
        self._name()
        if directory is not None:
            self.context.sni_callback = self._choose

    def _first(self) -> Pair:
        for pair in sorted(self._shown):
            return pair
        raise ValueError(f"{self._directory} holds no certificate with its key")

    def _pairs(self) -> list[Pair]:
        if self._directory is None:
            return []
        found = [(file, file.with_suffix(".key")) for file in self._directory.glob("*.crt")]
        found += [(file, file.with_name("tls.key")) for file in self._directory.glob("*/tls.crt")]
        return sorted(pair for pair in found if pair[1].exists())

    def _name(self) -> None:
        names: dict[str, ssl.SSLContext] = {}
        for pair in sorted(self._shown):
            for name in self._shown[pair].names:
                names.setdefault(name, self._shown[pair].context)
        self._by_name = names

    def _choose(self, connection: Any, name: str | None, _: ssl.SSLContext) -> None:
        """The exact name before a wildcard for its last labels (RFC 6125 6.4.3: one label only)."""
        if name is None:
            return
        lower = name.lower().rstrip(".")
        found = self._by_name.get(lower) or self._by_name.get("*." + lower.partition(".")[2])
        if found is not None:
            connection.context = found

    def follow(self) -> bool:
        """Look at the files; whether something new was taken up. What cannot be used changes nothing."""
        changed = self._follow_default()
        shown: dict[Pair, _Shown] = {}
        for pair in self._pairs():
            known = self._shown.get(pair)
            try:
                if known is not None and known.state == _state(pair):
                    shown[pair] = known
                    continue
                shown[pair] = _read(pair)
            except (OSError, ValueError) as error:
                self._tell(pair, error)
                if known is not None:
                    shown[pair] = known
        if shown != self._shown:
            self._shown = shown
            self._name()
            log.info("new certificates are in use", names=sorted(self._by_name)[:20])
            changed = True
        return changed

    def _tell(self, pair: Pair, error: Exception) -> None:
        """Once for each state of the files: they are looked at several times a second."""
        try:
            seen = (pair, _state(pair))
        except OSError:
            seen = (pair, ())
        if seen not in self._told:
            self._told.add(seen)
            log.warning(
                "a certificate cannot be used; what was shown before stays", file=str(pair[0]), error=str(error)
            )

    def _follow_default(self) -> bool:
        try:
            state = _state(self._default)
            if state == self._seen:
                return False
            # Tried on a context of its own: half a replacement must not break the one in use.
            _context().load_cert_chain(*self._default)
            self.context.load_cert_chain(*self._default)
        except (OSError, ssl.SSLError) as error:
            self._tell(self._default, error)
            return False
        self._seen = state
        log.info("a new certificate is in use")
        return True


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _state(pair: Pair) -> State:
    return tuple((found.st_mtime_ns, found.st_ino) for found in (file.stat() for file in pair))


def _read(pair: Pair) -> _Shown:
    """Raises OSError and ValueError."""
    state = _state(pair)
    context = _context()
    context.load_cert_chain(*pair)
    certificate = x509.load_pem_x509_certificate(pair[0].read_bytes())
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternatives.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    if not names:
        raise ValueError(f"{pair[0]} names no host (subject alternative names)")
    return _Shown(state, frozenset(name.lower() for name in names), context)
