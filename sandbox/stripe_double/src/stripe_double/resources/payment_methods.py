"""Payment methods from test tokens."""

from typing import Any

from stripe_double.engine.cards import CARDS, TOKENS, attach, new_payment_method
from stripe_double.errors import StripeError, card_declined, invalid, missing_parameter, no_such
from stripe_double.request.operations import LIST, Operation
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work

_EXPIRY_YEAR = 2040


def find_or_make(work: Work, method_id: str, param: str = "payment_method") -> Object:
    """A payment method by id; test ids such as pm_card_visa make a new one each time."""
    number = TOKENS.get(method_id)
    if number is None:
        return work.require("payment_method", method_id, param)
    refusal = CARDS[number].refusal
    if refusal is not None:
        raise card_declined(refusal[1], refusal[0])
    return work.save(new_payment_method(work, CARDS[number], exp_month=12, exp_year=_EXPIRY_YEAR))


def _create(work: Work, params: dict[str, Any]) -> Object:
    card = params.get("card", {})
    if params.get("type") != "card":
        raise missing_parameter("type") if "type" not in params else invalid("Only cards are modelled.", "type")
    if "number" in card:
        raise StripeError(
            402,
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test tokens"
            " that map to the test card you are using.",
        )
    token = card.get("token")
    if token not in TOKENS:
        raise no_such("token", str(token), "card[token]")
    return find_or_make(work, token)


def _retrieve(work: Work, _: dict[str, Any], method_id: str) -> Object:
    return work.require("payment_method", method_id)


def _attach(work: Work, params: dict[str, Any], method_id: str) -> Object:
    if not params.get("customer"):
        raise missing_parameter("customer")
    work.require("customer", params["customer"], "customer")
    method = find_or_make(work, method_id)
    if method["customer"] not in (None, params["customer"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    return attach(work, method, params["customer"])


def _detach(work: Work, _: dict[str, Any], method_id: str) -> Object:
    method = work.require("payment_method", method_id)
    method["customer"] = None
    work.save(method)
    work.emit("payment_method.detached", method)
    return method


def _list(work: Work, params: dict[str, Any]) -> Object:
    found = work.of_kind("payment_method", params.get("customer"))
    return page(work, "/v1/payment_methods", found, params)


OPERATIONS = (
    Operation(
        "POST", "/v1/payment_methods", "_payment_method_create_params.PaymentMethodCreateParams", _create, "type card"
    ),
    Operation(
        "GET",
        "/v1/payment_methods",
        "_payment_method_list_params.PaymentMethodListParams",
        _list,
        f"{LIST} customer type",
    ),
    Operation(
        "GET", "/v1/payment_methods/{id}", "_payment_method_retrieve_params.PaymentMethodRetrieveParams", _retrieve
    ),
    Operation(
        "POST",
        "/v1/payment_methods/{id}/attach",
        "_payment_method_attach_params.PaymentMethodAttachParams",
        _attach,
        "customer",
    ),
    Operation(
        "POST", "/v1/payment_methods/{id}/detach", "_payment_method_detach_params.PaymentMethodDetachParams", _detach
    ),
)
