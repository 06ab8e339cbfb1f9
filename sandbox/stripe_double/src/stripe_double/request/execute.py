"""One API request: key, operation, parameters, idempotency, effect, all in one transaction."""

import dataclasses
import json
from typing import Any

from stripe_double.accounts import Caller, authenticate
from stripe_double.config import API_VERSION, Config
from stripe_double.errors import StripeError, not_modelled
from stripe_double.request.check import check
from stripe_double.request.forms import fingerprint, parse_form
from stripe_double.request.operations import Operation, Router
from stripe_double.request.permissions import check_permission
from stripe_double.request.schema import schema_for
from stripe_double.store import Object, Store
from stripe_double.work import Work

IDEMPOTENCY_SECONDS = 24 * 3600


@dataclasses.dataclass(frozen=True, slots=True)
class ApiRequest:
    """What of an HTTP request matters."""

    method: str
    path: str
    form: str
    key: str | None
    idempotency_key: str | None
    version: str | None
    request_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON body and headers."""

    status: int
    body: str
    headers: dict[str, str]


def execute(
    store: Store, config: Config, router: Router, request: ApiRequest, now: float, *, fail_after: bool = False
) -> Answer:
    """Carry a request out. With `fail_after` the work is done and a 500 is answered, and stored, instead."""
    with store.transaction():
        try:
            caller = authenticate(store, request.key)
            account = caller.account
            if request.version not in (None, API_VERSION):
                raise StripeError(400, f"Invalid Stripe API version: {request.version}", stored=False)
            operation, ids = router.find(request.method, request.path)
            _check_right(caller, operation, request)
            params = parse_form(request.form)
            repeated = _replay(store, account["id"], request, params, now)
            if repeated is not None:
                return repeated
            checked = _checked(operation, params)
        except StripeError as error:
            return _error_answer(error, request)
        work = Work(
            store,
            config,
            account,
            now,
            request_id=request.request_id,
            idempotency_key=request.idempotency_key,
            publishable=caller.publishable,
        )
        answer, stored = _run(work, operation, ids, checked, request, fail_after=fail_after)
        if stored and request.method == "POST" and request.idempotency_key:
            store.db.execute(
                "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)",
                (
                    account["id"],
                    request.idempotency_key,
                    fingerprint(request.method, request.path, params),
                    answer.status,
                    answer.body,
                    now,
                ),
            )
        return answer


def _check_right(caller: Caller, operation: Operation, request: ApiRequest) -> None:
    if caller.permissions is not None:
        account_id = caller.account["id"]
        check_permission(caller.permissions, request.method, request.path, key=caller.masked_key, account_id=account_id)
    if caller.publishable and not operation.publishable:
        raise StripeError(
            403,
            "This API call cannot be made with a publishable API key. Please use a secret API key. You can find"
            " a list of your API keys at https://dashboard.stripe.com/account/apikeys.",
            code="secret_key_required",
            stored=False,
        )


def _checked(operation: Operation, params: dict[str, Any]) -> dict[str, Any]:
    checked = check(params, schema_for(operation.params))
    for name in checked:
        if not operation.models(name):
            raise not_modelled(name)
    return checked


def _run(
    work: Work,
    operation: Operation,
    ids: tuple[str, ...],
    params: dict[str, Any],
    request: ApiRequest,
    *,
    fail_after: bool,
) -> tuple[Answer, bool]:
    expand = params.pop("expand", None)
    try:
        with work.store.savepoint():
            result: Object = operation.run(work, params, *ids)
            body = json.dumps(work.public(result, expand))
    except StripeError as error:
        return _error_answer(error, request), error.stored
    if fail_after:
        failure = StripeError(500, "An unknown error occurred", kind="api_error")
        return _error_answer(failure, request), True
    return Answer(200, body, _headers(request)), True


def _replay(store: Store, account_id: str, request: ApiRequest, params: dict[str, Any], now: float) -> Answer | None:
    if request.method != "POST" or not request.idempotency_key:
        return None
    row = store.db.execute(
        "SELECT * FROM idempotency WHERE account = ? AND key = ? AND created_at > ?",
        (account_id, request.idempotency_key, now - IDEMPOTENCY_SECONDS),
    ).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != fingerprint(request.method, request.path, params):
        raise StripeError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try"
            f" using a key other than '{request.idempotency_key}' if you meant to execute a different request.",
            kind="idempotency_error",
            stored=False,
        )
    return Answer(row["status"], row["body"], _headers(request) | {"Idempotent-Replayed": "true"})


def _headers(request: ApiRequest) -> dict[str, str]:
    headers = {"Request-Id": request.request_id, "Stripe-Version": API_VERSION}
    if request.idempotency_key:
        headers["Idempotency-Key"] = request.idempotency_key
    return headers


def _error_answer(error: StripeError, request: ApiRequest) -> Answer:
    body = json.dumps({"error": error.body | {"request_log_url": f"/{request.request_id}"}})
    return Answer(error.status, body, _headers(request) | error.headers)


def error_answer(error: StripeError, request: ApiRequest) -> Answer:
    """An error that needs no transaction: faults."""
    return _error_answer(error, request)
