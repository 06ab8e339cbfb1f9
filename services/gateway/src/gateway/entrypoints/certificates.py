"""The certificate that clients are shown; a new one in its files is taken up without a restart."""

import ssl
from pathlib import Path

import structlog

log = structlog.get_logger()


class Certificates:
    """A TLS context that follows its files. HTTP/1.1 is offered by ALPN; TLS 1.2 is the least."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.load_cert_chain(certificate, key)
        self._seen = self._state()

    def _state(self) -> tuple[tuple[int, int], ...]:
        return tuple((found.st_mtime_ns, found.st_ino) for found in (file.stat() for file in self._files))

    def follow(self) -> bool:
        """Look at the files; whether a new certificate was taken up. One that cannot be used changes nothing."""
        try:
            state = self._state()
            if state == self._seen:
                return False
            # Tried on a context of its own: half a replacement must not break the one in use.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            log.warning("the new certificate cannot be used; the old one stays", error=str(error))
            return False
        self._seen = state
        log.info("a new certificate is in use")
        return True
