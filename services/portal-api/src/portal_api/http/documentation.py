"""How routes document their errors in the OpenAPI document."""

from typing import Any

from fastapi import Depends, Header
from pydantic import BaseModel, ConfigDict, Field

from portal_api.http.idempotency import MAX_LENGTH, MIN_LENGTH


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "http://127.0.0.1:8000/problems/invalid-request",
                "title": "The request is not valid",
                "status": 422,
                "detail": "name: Field required",
                "field": "name",
            }
        }
    )

    type: str = Field(description="A page with the cause and the cure of this kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What is wrong with this request, and what to do.")
    field: str | None = Field(default=None, description="The field at fault.")
    instance: str | None = Field(default=None, description="Names this occurrence to the operator.")
    errors: list[dict[str, Any]] | None = Field(default=None, description="Every fault found, where there are several.")


_MEANINGS = {
    400: "The request cannot be read",
    401: "Not signed in, or the token is not valid",
    403: "Your role does not allow this",
    404: "It does not exist, or you may not see it",
    409: "The present state does not allow this",
    413: "The request is too large",
    422: "The request is not valid; the field is named",
    429: "Too many attempts",
    503: "Something that it needs is not set up or away",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=problems(401, 404)`: error answers as problem documents."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def _idempotency_header(
    key: str | None = Header(
        default=None,
        alias="Idempotency-Key",
        description=f"Makes the create safe to repeat for 24 hours. {MIN_LENGTH} to {MAX_LENGTH} characters.",
    ),
) -> str | None:
    """Only documents the header; `Idempotency.create` reads and checks it."""
    return key


IDEMPOTENT = Depends(_idempotency_header)
"""`dependencies=[IDEMPOTENT]` on a create documents the header."""
