"""`Idempotency-Key` on creates: the same key and request get the first answer again, and nothing is done twice.

Key, effect and answer are one transaction: a second request waits for the first one's commit, a failed one leaves no
trace. Answers may hold a secret that is shown once, so that an answer rests encrypted under a key made of the
Idempotency-Key itself, of which only a hash is stored: whoever repeats the request can read it, nobody else.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clock import real_now
from shared.db.unit_of_work import UnitOfWork
from shared.errors import DomainError

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
MIN_LENGTH, MAX_LENGTH = 16, 255

_INSERT = text(
    "insert into idempotency_keys (scope, key_sha256, request_sha256, expires_at)"
    " values (:scope, :key, :request, :expires_at) on conflict (scope, key_sha256) do update"
    " set request_sha256 = excluded.request_sha256, answer = null, expires_at = excluded.expires_at"
    " where idempotency_keys.expires_at < :now returning 1"
)
_SELECT = text("select request_sha256, status, answer from idempotency_keys where scope = :scope and key_sha256 = :key")
_STORE = text(
    "update idempotency_keys set status = :status, answer = :answer where scope = :scope and key_sha256 = :key"
)

Create = Callable[[AsyncSession], Awaitable[BaseModel]]


class Idempotency:
    """Runs creates in a transaction, once per key."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def create(
        self, request: Request, scope: str, create: Create, *, status: int = 201, payload: bytes | None = None
    ) -> Response:
        """Run `create` in one transaction and answer with what it returns.

        `scope` is whose key it is (the user's id). `payload` stands for the request where its body differs on every
        try (multipart).
        """
        key = read_key(request)
        if key is None:
            async with self._uow.transaction() as session:
                result = await create(session)
            return _answer(result.model_dump_json().encode(), status)
        body = payload if payload is not None else await request.body()
        fingerprint = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).digest()
        key_hash = hashlib.sha256(key.encode()).digest()
        box = SecretBox(hashlib.blake2b(f"{scope}\n{key}".encode(), digest_size=32, person=b"tollway-answer").digest())
        async with self._uow.transaction() as session:
            now = real_now()
            row = {"scope": scope, "key": key_hash}
            first = await session.execute(
                _INSERT, {**row, "request": fingerprint, "expires_at": now + KEPT, "now": now}
            )
            if first.first() is None:
                stored = (await session.execute(_SELECT, row)).one()
                return _replay(bytes(stored[0]) == fingerprint, int(stored[1]), bytes(stored[2]), box)
            result = await create(session)
            answer = result.model_dump_json().encode()
            await session.execute(_STORE, {**row, "status": status, "answer": bytes(box.encrypt(answer))})
        return _answer(answer, status)


def read_key(request: Request) -> str | None:
    """The request's Idempotency-Key, if it has one."""
    key = request.headers.get(HEADER)
    if key is not None and not MIN_LENGTH <= len(key) <= MAX_LENGTH:
        detail = f"Send {MIN_LENGTH} to {MAX_LENGTH} characters that nobody guesses, for example a UUID."
        raise DomainError("idempotency-key-invalid", 422, "The Idempotency-Key is not usable", detail, HEADER)
    return key


def _replay(same: bool, status: int, sealed: bytes, box: SecretBox) -> Response:
    reused = DomainError(
        "idempotency-key-reused",
        409,
        "The Idempotency-Key was used for another request",
        "This key belongs to a request with another path or body. Use a new key for a new request.",
        HEADER,
    )
    if not same:
        raise reused
    try:
        return _answer(box.decrypt(sealed), status, replayed=True)
    except CryptoError as error:
        raise reused from error


def _answer(body: bytes, status: int, *, replayed: bool = False) -> Response:
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return Response(body, status_code=status, media_type=JSONResponse.media_type, headers=headers)
