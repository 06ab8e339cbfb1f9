"""Answers of the gateway itself: problem details (RFC 9457) whose type is a page of the portal."""

import json
import secrets
from http import HTTPStatus

from gateway.domain.cross_origin import Reply
from gateway.domain.problems import Problem

REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
REASONS[413] = b"Content Too Large"
REASONS[499] = b"Client Closed Request"


class Answers:
    """Renders problems; a body is made once for each problem type."""

    def __init__(self, portal_url: str) -> None:
        self._portal_url = portal_url.rstrip("/")
        self._bodies: dict[str, bytes] = {}

    def render(
        self, answer: Problem | Reply, headers: bytes = b"", *, close: bool, head_only: bool, request_id: bytes = b""
    ) -> bytes:
        """The whole answer. `headers`: complete lines."""
        if isinstance(answer, Reply):
            body, kind = answer.body, b""
        else:
            body = self._body(answer)
            kind = b"Content-Type: application/problem+json\r\nCache-Control: no-store\r\n"
        return b"HTTP/1.1 %d %b\r\n%b%bX-Request-Id: %b\r\n%b%b\r\n%b" % (
            answer.status,
            REASONS.get(answer.status, b""),
            kind,
            b"" if answer.status == 204 else b"Content-Length: %d\r\n" % len(body),
            request_id or secrets.token_hex(16).encode(),
            headers,
            b"Connection: close\r\n" if close else b"",
            b"" if head_only else body,
        )

    def _body(self, problem: Problem) -> bytes:
        body = self._bodies.get(problem.name)
        if body is None:
            body = self._bodies[problem.name] = json.dumps(
                {
                    "type": f"{self._portal_url}/problems/{problem.name}",
                    "title": problem.title,
                    "status": problem.status,
                    "detail": problem.detail,
                }
            ).encode()
        return body
