"""Forms, the schemas made from the SDK's types, and the checks against them."""

from typing import Any

import pytest

from stripe_double.delivery import retry_delay_seconds, signature
from stripe_double.errors import StripeError
from stripe_double.faults import Fault, Faults
from stripe_double.request.check import check
from stripe_double.request.forms import parse_form
from stripe_double.request.schema import schema_for
from stripe_double.resources import OPERATIONS

PRICE = "_price_create_params.PriceCreateParams"


def test_bracket_notation_nests() -> None:
    form = "a=1&items[0][price]=p&items[1][price]=q&metadata[k]=v%3D&expand[]=x&expand[]=y"
    assert parse_form(form) == {
        "a": "1",
        "items": [{"price": "p"}, {"price": "q"}],
        "metadata": {"k": "v="},
        "expand": ["x", "y"],
    }


def test_a_value_and_a_nested_value_under_one_name_are_refused() -> None:
    with pytest.raises(StripeError):
        parse_form("a=1&a[b]=2")


def test_the_schema_is_strict() -> None:
    schema = schema_for(PRICE)
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["currency"]
    assert schema["properties"]["recurring"]["additionalProperties"] is False
    assert schema["properties"]["billing_scheme"] == {"enum": ["per_unit", "tiered"]}
    assert "idempotency_key" not in schema["properties"]
    assert schema["properties"]["metadata"] == {"type": "object", "additionalProperties": {"type": "string"}}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_every_operation_has_a_schema_and_models_only_what_stripe_has(operation: Any) -> None:
    known = schema_for(operation.params)["properties"]
    assert set(operation.modelled.split()) <= known.keys()


def test_values_get_their_types() -> None:
    params = parse_form("currency=usd&unit_amount=5&active=true&tiers[0][up_to]=inf&tiers[1][up_to]=10")
    checked = check(params, schema_for(PRICE))
    assert checked == {
        "currency": "usd",
        "unit_amount": 5,
        "active": True,
        "tiers": [{"up_to": "inf"}, {"up_to": 10}],
    }


@pytest.mark.parametrize(
    ("form", "param", "code"),
    [
        ("unit_amount=5", "currency", "parameter_missing"),
        ("currency=usd&recurring[usage_type]=metered", "recurring[interval]", "parameter_missing"),
        ("currency=usd&colour=red", "colour", "parameter_unknown"),
        ("currency=usd&recurring[interval]=month&recurring[x]=1", "recurring[x]", "parameter_unknown"),
        ("currency=usd&unit_amount=1.5", "unit_amount", "parameter_invalid_integer"),
        ("currency=usd&unit_amount_decimal=1E-7", "unit_amount_decimal", "parameter_invalid_decimal"),
        ("currency=usd&active=yes", "active", None),
        ("currency=usd&billing_scheme=weekly", "billing_scheme", None),
    ],
)
def test_refusals_name_the_parameter(form: str, param: str, code: str | None) -> None:
    with pytest.raises(StripeError) as caught:
        check(parse_form(form), schema_for(PRICE))
    assert (caught.value.body["param"], caught.value.body.get("code")) == (param, code)
    assert caught.value.stored is False


def test_a_fault_hits_as_often_as_it_was_told() -> None:
    faults = Faults()
    faults.add(Fault("POST", "/v1/invoices/*", "409", times=2))
    hits = [faults.take("POST", "/v1/invoices/in_1/pay") is not None for _ in range(3)]
    assert hits == [True, True, False]
    with pytest.raises(ValueError, match="unknown mode"):
        faults.add(Fault("POST", "/v1/invoices", "explode"))


def test_retries_back_off_to_a_bound() -> None:
    assert [retry_delay_seconds(attempts) for attempts in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 30.0]


def test_the_signature_is_the_sdks() -> None:
    import stripe

    header = signature("whsec_x", "{}", 1_700_000_000)
    assert header == stripe.WebhookSignature.generate_signature_header("{}", "whsec_x", 1_700_000_000)
