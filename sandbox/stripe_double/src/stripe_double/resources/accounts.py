"""The account of a key."""

from typing import Any

from stripe_double.accounts import load_account
from stripe_double.errors import StripeError
from stripe_double.request.operations import Operation
from stripe_double.store import Object
from stripe_double.work import Work


def _current(work: Work, _: dict[str, Any]) -> Object:
    return load_account(work.store, work.account_id)


def _retrieve(work: Work, _: dict[str, Any], account_id: str) -> Object:
    if account_id != work.account_id:
        message = (
            f"The provided key does not have access to account '{account_id}' (or that account does not exist)."
            " Application access may have been revoked."
        )
        raise StripeError(403, message, code="account_invalid")
    return load_account(work.store, account_id)


OPERATIONS = (
    Operation("GET", "/v1/account", "_account_retrieve_current_params.AccountRetrieveCurrentParams", _current),
    Operation("GET", "/v1/accounts/{account}", "_account_retrieve_params.AccountRetrieveParams", _retrieve),
)
