"""Prices: immutable but for what describes them."""

import copy
from decimal import Decimal
from typing import Any

from stripe_double.errors import invalid, missing_parameter
from stripe_double.request.operations import LIST, Operation, within
from stripe_double.request.paging import page
from stripe_double.resources.products import create_product
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata

# docs.stripe.com/currencies, presentment currencies.
_KNOWN_CURRENCIES = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny
cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod
jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio
nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd
top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw
"""
_MOST_DECIMALS = 12
_CURRENCIES = frozenset(_KNOWN_CURRENCIES.split())


def _amounts(given: dict[str, Any], name: str, where: str = "") -> tuple[int | None, str | None]:
    """An integer amount and its decimal form; Stripe shows both when the decimal is whole."""
    whole, exact = given.get(name), given.get(f"{name}_decimal")
    if whole is not None and exact is not None:
        message = f"You may only specify one of these parameters: {name}, {name}_decimal."
        raise invalid(message, f"{where}{name}")
    if whole is None and exact is None:
        return None, None
    value = Decimal(whole if whole is not None else str(exact))
    if value < 0:
        raise invalid(f"Invalid non-negative integer: {value}", f"{where}{name}", "parameter_invalid_integer")
    text = format(value.normalize(), "f")
    if len(text.partition(".")[2]) > _MOST_DECIMALS:
        raise invalid(
            f"Invalid decimal: {text}; must have at most {_MOST_DECIMALS} decimal places", f"{where}{name}_decimal"
        )
    return (int(value) if value == value.to_integral_value() else None), text


def _tiers(params: dict[str, Any]) -> list[Object]:
    if "tiers_mode" not in params:
        raise missing_parameter("tiers_mode")
    if not params.get("tiers"):
        raise missing_parameter("tiers")
    tiers, top = [], 0
    for number, given in enumerate(params["tiers"]):
        where, last = f"tiers[{number}]", number == len(params["tiers"]) - 1
        up_to = None if given["up_to"] == "inf" else given["up_to"]
        if (up_to is None) != last:
            raise invalid("The last tier, and only that one, must have `up_to` set to `inf`.", f"{where}[up_to]")
        if up_to is not None and up_to <= top:
            raise invalid("Tiers must be in ascending order.", f"{where}[up_to]")
        top = up_to or top
        unit, flat = _amounts(given, "unit_amount", where), _amounts(given, "flat_amount", where)
        if unit == (None, None) and flat == (None, None):
            raise invalid("Each tier must have a unit amount or a flat amount.", where)
        if flat[1] is not None and flat[0] is None:
            raise invalid("flat_amount_decimal must be a whole minor unit.", f"{where}[flat_amount_decimal]")
        tiers.append(
            {
                "flat_amount": flat[0],
                "flat_amount_decimal": flat[1],
                "unit_amount": unit[0],
                "unit_amount_decimal": unit[1],
                "up_to": up_to,
            }
        )
    return tiers


def _recurring(work: Work, params: dict[str, Any]) -> Object | None:
    given = params.get("recurring")
    if given is None:
        return None
    usage_type = given.get("usage_type", "licensed")
    meter = given.get("meter")
    if usage_type == "metered" and meter is None:
        raise invalid(
            "A metered price must be backed by a meter. Set `recurring[meter]`.",
            "recurring[meter]",
            "parameter_missing",
        )
    if meter is not None:
        if usage_type != "metered":
            raise invalid("`recurring[meter]` needs `recurring[usage_type]=metered`.", "recurring[meter]")
        if work.require("billing.meter", meter, "recurring[meter]")["status"] != "active":
            raise invalid("The meter is archived.", "recurring[meter]", "archived_meter")
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": meter,
        "trial_period_days": None,
        "usage_type": usage_type,
    }


def _product_of(work: Work, params: dict[str, Any]) -> str:
    if ("product" in params) == ("product_data" in params):
        raise invalid("You must specify either `product` or `product_data`.", "product", "parameter_missing")
    if "product" in params:
        return str(work.require("product", params["product"], "product")["id"])
    return str(create_product(work, params["product_data"])["id"])


def _claim_lookup_key(work: Work, key: str | None, *, transfer: bool) -> None:
    holder = next((p for p in work.of_kind("price") if key is not None and p["lookup_key"] == key), None)
    if holder is None:
        return
    if not transfer:
        message = f"A price (`{holder['id']}`) already uses that lookup key."
        raise invalid(message, "lookup_key", "resource_already_exists")
    before = copy.deepcopy(holder)
    holder["lookup_key"] = None
    work.save(holder)
    work.emit_update("price.updated", before, holder)


def _create(work: Work, params: dict[str, Any]) -> Object:
    if params["currency"] not in _CURRENCIES:
        raise invalid(f"Invalid currency: {params['currency']}.", "currency")
    tiered = params.get("billing_scheme") == "tiered"
    unit_amount, unit_amount_decimal = _amounts(params, "unit_amount")
    if not tiered and unit_amount_decimal is None:
        raise missing_parameter("unit_amount")
    if not tiered and ("tiers" in params or "tiers_mode" in params):
        raise invalid("`tiers` and `tiers_mode` need `billing_scheme=tiered`.", "tiers")
    if tiered and (unit_amount_decimal is not None or "transform_quantity" in params):
        name = "transform_quantity" if "transform_quantity" in params else "unit_amount"
        raise invalid(f"You cannot use `{name}` with `billing_scheme=tiered`.", name)
    recurring = _recurring(work, params)
    _claim_lookup_key(work, params.get("lookup_key"), transfer=params.get("transfer_lookup_key", False))
    price = work.new(
        "price",
        "price",
        {
            "active": params.get("active", True),
            "billing_scheme": "tiered" if tiered else "per_unit",
            "currency": params["currency"],
            "custom_unit_amount": None,
            "lookup_key": params.get("lookup_key"),
            "nickname": params.get("nickname"),
            "product": _product_of(work, params),
            "recurring": recurring,
            "tax_behavior": params.get("tax_behavior", "unspecified"),
            "tiers_mode": params.get("tiers_mode"),
            "transform_quantity": params.get("transform_quantity"),
            "type": "recurring" if recurring else "one_time",
            "unit_amount": unit_amount,
            "unit_amount_decimal": unit_amount_decimal,
        }
        | ({"_tiers": _tiers(params)} if tiered else {}),
    )
    merge_metadata(price, params.get("metadata"))
    work.save(price)
    work.emit("price.created", price)
    return price


def _retrieve(work: Work, _: dict[str, Any], price_id: str) -> Object:
    return work.require("price", price_id)


def _update(work: Work, params: dict[str, Any], price_id: str) -> Object:
    price = work.require("price", price_id)
    before = copy.deepcopy(price)
    if params.get("lookup_key") != price["lookup_key"]:
        _claim_lookup_key(work, params.get("lookup_key"), transfer=params.get("transfer_lookup_key", False))
    for name in ("active", "nickname", "lookup_key", "tax_behavior"):
        if name in params:
            price[name] = params[name] if params[name] != "" else None
    merge_metadata(price, params.get("metadata"))
    work.save(price)
    work.emit_update("price.updated", before, price)
    return price


def _list(work: Work, params: dict[str, Any]) -> Object:
    found = (
        price
        for price in work.of_kind("price")
        if params.get("active") in (None, price["active"])
        and params.get("currency") in (None, price["currency"])
        and params.get("product") in (None, price["product"])
        and params.get("type") in (None, price["type"])
        and ("lookup_keys" not in params or price["lookup_key"] in params["lookup_keys"])
        and all((price["recurring"] or {}).get(key) == value for key, value in params.get("recurring", {}).items())
        and within(price["created"], params.get("created"))
    )
    return page(work, "/v1/prices", found, params)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/prices",
        "_price_create_params.PriceCreateParams",
        _create,
        "active billing_scheme currency lookup_key metadata nickname product product_data recurring tax_behavior tiers"
        " tiers_mode transfer_lookup_key transform_quantity unit_amount unit_amount_decimal",
    ),
    Operation(
        "GET",
        "/v1/prices",
        "_price_list_params.PriceListParams",
        _list,
        f"{LIST} active currency product type lookup_keys recurring created",
    ),
    Operation("GET", "/v1/prices/{id}", "_price_retrieve_params.PriceRetrieveParams", _retrieve),
    Operation(
        "POST",
        "/v1/prices/{id}",
        "_price_update_params.PriceUpdateParams",
        _update,
        "active lookup_key metadata nickname tax_behavior transfer_lookup_key",
    ),
)
