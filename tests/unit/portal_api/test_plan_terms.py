"""What a provider may ask of a plan: every pricing model, and each fault with the name of its field."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal_api.catalog.domain.plan import PlanTerms, RateLimitTerms, TierTerms, make_version, terms_faults
from portal_api.catalog.entrypoints.plan_examples import EXAMPLES
from portal_api.catalog.entrypoints.plan_schemas import PlanChange, PlanCreate, PlanTermsModel
from shared.errors import DomainError
from shared.events.catalog import PlanVersion, RateLimit

UNIT = PlanTerms(pricing_model="unit", unit_amount_decimal="2", rate_limits=(RateLimitTerms(count=1000),))
TIERS = (TierTerms(up_to=5, flat_amount_decimal="100"), TierTerms(up_to=None, unit_amount_decimal="0.5"))
GRADUATED = PlanTerms(pricing_model="graduated", tiers=TIERS)
FLAT = PlanTerms(pricing_model="flat", flat_amount_decimal="900")


def version(terms: PlanTerms) -> PlanVersion:
    return make_version(terms, number=7, ordinal=1, now=datetime(2026, 1, 1, tzinfo=UTC))


def faults(terms: PlanTerms) -> list[str]:
    return [fault.field for fault in terms_faults(terms)]


def test_the_seeds_plan_is_valid() -> None:
    assert terms_faults(UNIT) == []
    assert version(UNIT).unit_amount_decimal == Decimal(2)
    assert version(UNIT).rate_limits == (RateLimit(count=1000, per_seconds=60),)
    assert version(UNIT).billable_rule == "successful"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_every_example_of_the_reference_is_valid(example: dict[str, Any]) -> None:
    assert terms_faults(PlanCreate(**example).terms()) == []


@pytest.mark.parametrize(
    "terms",
    [
        replace(UNIT, included_units=10),
        replace(UNIT, flat_amount_decimal="1000"),
        replace(GRADUATED, flat_amount_decimal="1000"),
        replace(GRADUATED, pricing_model="volume"),
        PlanTerms(pricing_model="package", unit_amount_decimal="0.5", package_size=10, flat_amount_decimal="7"),
        PlanTerms(pricing_model="free"),
        PlanTerms(pricing_model="flat", flat_amount_decimal="0"),
        replace(FLAT, currency="jpy", billing_period="day"),
        replace(FLAT, currency="idr", flat_amount_decimal="150000000"),
        replace(FLAT, currency="kwd", flat_amount_decimal="5120"),
        replace(FLAT, currency="ugx", flat_amount_decimal="500"),
        replace(UNIT, currency="kwd", unit_amount_decimal="0.123456789012"),
    ],
)
def test_valid_terms(terms: PlanTerms) -> None:
    assert terms_faults(terms) == []


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (replace(UNIT, unit_amount_decimal=None), "unit_amount_decimal"),
        (replace(UNIT, unit_amount_decimal="0.0000000000001"), "unit_amount_decimal"),
        (replace(UNIT, unit_amount_decimal="-1"), "unit_amount_decimal"),
        (replace(UNIT, unit_amount_decimal="1e3"), "unit_amount_decimal"),
        (replace(UNIT, unit_amount_decimal=""), "unit_amount_decimal"),
        (replace(UNIT, unit_amount_decimal="99999999.000000000001"), "unit_amount_decimal"),
        (replace(UNIT, flat_amount_decimal="0.5"), "flat_amount_decimal"),
        (replace(UNIT, package_size=3), "package_size"),
        (replace(UNIT, currency="USD"), "currency"),
        (replace(UNIT, currency="xyz"), "currency"),
        (replace(UNIT, rate_limits=(RateLimitTerms(count=0),)), "rate_limits.0.count"),
        (replace(UNIT, rate_limits=(RateLimitTerms(count=5, burst=0),)), "rate_limits.0.burst"),
        (replace(UNIT, rate_limits=(RateLimitTerms(count=5), RateLimitTerms(count=9))), "rate_limits.1.unit"),
        (replace(UNIT, included_units=-1), "included_units"),
        (replace(UNIT, included_units=10**12 + 1), "included_units"),
        (replace(FLAT, flat_amount_decimal=None), "flat_amount_decimal"),
        (replace(FLAT, flat_amount_decimal="900.5"), "flat_amount_decimal"),
        (replace(FLAT, flat_amount_decimal="100000000"), "flat_amount_decimal"),
        (replace(FLAT, currency="kwd", flat_amount_decimal="5124"), "flat_amount_decimal"),
        (replace(FLAT, currency="isk", flat_amount_decimal="550"), "flat_amount_decimal"),
        (PlanTerms(pricing_model="free", unit_amount_decimal="2"), "unit_amount_decimal"),
        (PlanTerms(pricing_model="volume"), "tiers"),
        (PlanTerms(pricing_model="volume", tiers=(TierTerms(up_to=5),)), "tiers.0.up_to"),
        (PlanTerms(pricing_model="graduated", tiers=(TierTerms(up_to=None), TierTerms(up_to=None))), "tiers.0.up_to"),
        (
            PlanTerms(pricing_model="graduated", tiers=(TierTerms(up_to=5), TierTerms(up_to=5), TierTerms(up_to=None))),
            "tiers.1.up_to",
        ),
        (replace(GRADUATED, tiers=(TierTerms(up_to=10**13), TierTerms(up_to=None))), "tiers.0.up_to"),
        (replace(GRADUATED, tiers=(TierTerms(up_to=0), TierTerms(up_to=None))), "tiers.0.up_to"),
        (replace(GRADUATED, tiers=(TierTerms(up_to=None, flat_amount_decimal="0.5"),)), "tiers.0.flat_amount_decimal"),
        (replace(GRADUATED, tiers=(TierTerms(up_to=None, unit_amount_decimal="x"),)), "tiers.0.unit_amount_decimal"),
        (replace(GRADUATED, tiers=(*(TierTerms(up_to=n) for n in range(1, 101)), TierTerms(up_to=None))), "tiers"),
        (PlanTerms(pricing_model="package", unit_amount_decimal="100"), "package_size"),
        (PlanTerms(pricing_model="package", unit_amount_decimal="100", package_size=0), "package_size"),
        (PlanTerms(pricing_model="package", package_size=10), "unit_amount_decimal"),
    ],
)
def test_faults_in_terms_name_their_field(terms: PlanTerms, field: str) -> None:
    assert field in faults(terms)


def test_all_faults_are_named_at_once() -> None:
    terms = PlanTerms(pricing_model="unit", unit_amount_decimal="x", included_units=-1, package_size=1)
    assert sorted(faults(terms)) == ["included_units", "package_size", "unit_amount_decimal"]


def test_amounts_stay_as_they_were_typed() -> None:
    terms = replace(UNIT, unit_amount_decimal="0.000000000001")
    assert PlanTermsModel.of_version(version(terms)).unit_amount_decimal == "0.000000000001"


def test_several_limits_with_bursts() -> None:
    body = PlanCreate(
        name="x",
        pricing_model="free",
        rate_limits=[{"count": 5, "unit": "second", "burst": 20}, {"count": 1000, "unit": "day"}],
    )
    made = version(body.terms())
    assert made.rate_limits == (
        RateLimit(count=5, per_seconds=1, burst=20),
        RateLimit(count=1000, per_seconds=86_400),
    )
    shown = PlanTermsModel.of_version(made)
    assert shown.rate_limits is not None
    assert [(one.count, one.unit, one.burst) for one in shown.rate_limits] == [(5, "second", 20), (1000, "day", None)]
    assert PlanTermsModel(**shown.model_dump()).terms() == body.terms(), "what is read can be written back"


def test_one_limit_stated_in_two_ways_is_refused() -> None:
    body = PlanCreate(name="x", pricing_model="free", rate_limit={"count": 1}, rate_limits=[{"count": 2}])
    with pytest.raises(DomainError) as refused:
        body.terms()
    assert refused.value.field == "rate_limit"


class TestChanges:
    def test_only_what_is_stated_changes(self) -> None:
        changed = PlanChange(billable_rule="admitted").terms_on(version(UNIT))
        assert changed == replace(UNIT, billable_rule="admitted")

    def test_another_pricing_model_starts_from_nothing(self) -> None:
        changed = PlanChange(pricing_model="flat", flat_amount_decimal="900").terms_on(version(UNIT))
        assert changed == replace(FLAT, rate_limits=UNIT.rate_limits)
        assert terms_faults(changed) == []

    def test_a_limit_is_replaced_or_taken_away(self) -> None:
        two = PlanChange(rate_limits=[{"count": 1, "unit": "second"}, {"count": 9, "unit": "hour"}])
        assert [limit.unit for limit in two.terms_on(version(UNIT)).rate_limits] == ["second", "hour"]
        assert PlanChange(rate_limit={"count": 3}).terms_on(version(UNIT)).rate_limits == (RateLimitTerms(count=3),)
        assert PlanChange(rate_limit=None).terms_on(version(UNIT)).rate_limits == ()
        assert PlanChange(rate_limits=[]).terms_on(version(UNIT)).rate_limits == ()

    def test_null_clears_what_may_be_absent(self) -> None:
        with_fee = replace(UNIT, flat_amount_decimal="5")
        assert PlanChange(flat_amount_decimal=None).terms_on(version(with_fee)) == UNIT
