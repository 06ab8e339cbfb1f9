"""Customers."""

import copy
from typing import Any

from stripe_double.engine.cards import attach
from stripe_double.engine.invoices import new_invoice_prefix
from stripe_double.engine.subscriptions import LIVE, cancel_now
from stripe_double.errors import no_such
from stripe_double.request.operations import LIST, Operation, within
from stripe_double.request.paging import page
from stripe_double.resources.payment_methods import find_or_make
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata

_FIELDS = ("name", "email", "description", "phone", "address", "shipping", "balance", "preferred_locales", "tax_exempt")
_MODELLED = " ".join(_FIELDS) + " metadata invoice_settings"


def new_customer(work: Work, params: dict[str, Any]) -> Object:
    """A customer object with Stripe's defaults; not saved."""
    return work.new(
        "customer",
        "cus",
        {
            "address": None,
            "balance": 0,
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "discount": None,
            "email": None,
            "invoice_prefix": new_invoice_prefix(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "name": None,
            "next_invoice_sequence": 1,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
        | {name: params[name] for name in _FIELDS if params.get(name) not in (None, "")},
    )


def _create(work: Work, params: dict[str, Any]) -> Object:
    customer = new_customer(work, params)
    merge_metadata(customer, params.get("metadata"))
    work.save(customer)
    if params.get("payment_method"):
        attach(work, find_or_make(work, params["payment_method"]), customer["id"])
    _set_default(work, customer, params)
    work.save(customer)
    work.emit("customer.created", customer)
    return customer


def _set_default(work: Work, customer: Object, params: dict[str, Any]) -> None:
    chosen = params.get("invoice_settings", {}).get("default_payment_method")
    if chosen:
        method = work.get(chosen) if not chosen.startswith("pm_card_") else None
        if method is None:
            # A test id like pm_card_visa was attached above under an id of its own.
            method = next(work.of_kind("payment_method", customer["id"]), None)
        if method is None or method["customer"] != customer["id"]:
            raise no_such("PaymentMethod", chosen, "invoice_settings[default_payment_method]")
        customer["invoice_settings"]["default_payment_method"] = method["id"]


def _retrieve(work: Work, _: dict[str, Any], customer_id: str) -> Object:
    return work.require("customer", customer_id)


def _update(work: Work, params: dict[str, Any], customer_id: str) -> Object:
    customer = work.require("customer", customer_id)
    if customer.get("deleted"):
        raise no_such("customer", customer_id, None)
    before = copy.deepcopy(customer)
    for name in _FIELDS:
        if name in params:
            customer[name] = params[name] if params[name] != "" else None
    merge_metadata(customer, params.get("metadata"))
    _set_default(work, customer, params)
    work.save(customer)
    work.emit_update("customer.updated", before, customer)
    return customer


def _delete(work: Work, _: dict[str, Any], customer_id: str) -> Object:
    customer = work.require("customer", customer_id)
    for subscription in list(work.of_kind("subscription", customer_id)):
        if subscription["status"] in LIVE:
            cancel_now(work, subscription, invoice_now=False, prorate=False, details={})
    gone = {"id": customer_id, "object": "customer", "deleted": True}
    work.save(gone | {"customer": None})
    work.emit("customer.deleted", customer)
    return gone


def _list(work: Work, params: dict[str, Any]) -> Object:
    found = (
        customer
        for customer in work.of_kind("customer")
        if not customer.get("deleted")
        and params.get("email") in (None, customer["email"])
        and within(customer["created"], params.get("created"))
    )
    return page(work, "/v1/customers", found, params)


OPERATIONS = (
    Operation(
        "POST", "/v1/customers", "_customer_create_params.CustomerCreateParams", _create, f"{_MODELLED} payment_method"
    ),
    Operation("GET", "/v1/customers", "_customer_list_params.CustomerListParams", _list, f"{LIST} email created"),
    Operation("GET", "/v1/customers/{id}", "_customer_retrieve_params.CustomerRetrieveParams", _retrieve),
    Operation("POST", "/v1/customers/{id}", "_customer_update_params.CustomerUpdateParams", _update, _MODELLED),
    Operation("DELETE", "/v1/customers/{id}", "_customer_delete_params.CustomerDeleteParams", _delete),
)
