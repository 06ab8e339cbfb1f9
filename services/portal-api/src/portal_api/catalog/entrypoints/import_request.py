"""Reads an import: JSON, or a form with a file."""

import hashlib
from dataclasses import dataclass

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from portal_api.catalog.domain.contract import MAX_DOCUMENT_BYTES
from portal_api.catalog.entrypoints.schemas import ApiCreate
from portal_api.catalog.use_cases.importing import ContractSource
from shared.errors import DomainError

# JSON may write each character of a document as an escape of several.
MAX_BODY_BYTES = 4 * MAX_DOCUMENT_BYTES
_FORM_FIELDS = ("display_name", "identifier", "version")


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What was asked. `payload` identifies it: a form's boundary differs on every try."""

    body: ApiCreate
    source: ContractSource
    payload: bytes


async def read_import(request: Request) -> ImportRequest:
    """Raises RequestValidationError or DomainError where it cannot be read."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        detail = "Send a Content-Length, and a contract of at most 5 MB."
        raise DomainError("contract-too-large", 413, "The contract is too large", detail, "openapi")
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        body = await _read_form(request)
    else:
        body = _validated(await request.body())
    if body.openapi.url is not None:
        source = ContractSource("url", body.openapi.url)
    else:
        source = ContractSource("document", body.openapi.document or "")
    return ImportRequest(body, source, hashlib.sha256(body.model_dump_json().encode()).digest())


async def _read_form(request: Request) -> ApiCreate:
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            detail = "Send the contract as the part `file`, with a file name."
            raise DomainError("invalid-request", 422, "The request is not valid", detail, "file")
        try:
            document = (await file.read()).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            detail = "The file is not text in UTF-8."
            raise DomainError("invalid-request", 422, "The request is not valid", detail, "file") from error
        fields: dict[str, object] = {name: form[name] for name in _FORM_FIELDS if isinstance(form.get(name), str)}
    try:
        return ApiCreate.model_validate(fields | {"openapi": {"document": document}})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def _validated(body: bytes) -> ApiCreate:
    try:
        return ApiCreate.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
