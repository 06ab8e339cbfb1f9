"""Any plan that a provider may create: terms that the catalogue accepts, of every model, period, kind of currency."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from portal_api.catalog.domain.plan import PlanTerms, TierTerms, make_version, terms_faults
from shared.events.catalog import PlanVersion
from shared.money import charge_step, plain

CREATED = datetime(2026, 11, 1, tzinfo=UTC)
CURRENCIES = ("usd", "eur", "jpy", "kwd", "isk", "ugx")
units = st.one_of(st.integers(0, 300), st.integers(0, 10**7), st.integers(0, 10**12))


@st.composite
def amounts(draw: st.DrawFn) -> str:
    """Up to 12 decimals, mostly small: where rounding happens."""
    places = draw(st.integers(0, 12))
    whole = draw(st.sampled_from([0, 1, 99, 12_345, 99_999_998]))
    return plain(Decimal(whole) + Decimal(draw(st.integers(0, 10**places - 1))).scaleb(-places))


@st.composite
def plans(
    draw: st.DrawFn, models: tuple[str, ...] = ("free", "flat", "unit", "volume", "graduated", "package")
) -> PlanVersion:
    """A version with faultless terms."""
    model = draw(st.sampled_from(models))
    currency = draw(st.sampled_from(CURRENCIES))
    step = charge_step(currency)
    whole = st.integers(0, 50_000).map(lambda steps: str(steps * step))
    fee = draw(whole) if model == "flat" else draw(st.none() | whole) if model != "free" else None
    bounds: list[int | None] = [*sorted(draw(st.sets(st.integers(1, 400), max_size=4))), None]
    terms = PlanTerms(
        pricing_model=model,  # type: ignore[arg-type]
        currency=currency,
        billing_period=draw(st.sampled_from(["day", "week", "month", "year"])),
        unit_amount_decimal=draw(amounts()) if model in ("unit", "package") else None,
        flat_amount_decimal=fee,
        tiers=tuple(
            TierTerms(up_to=bound, unit_amount_decimal=draw(amounts()), flat_amount_decimal=draw(whole))
            for bound in bounds
        )
        if model in ("volume", "graduated")
        else (),
        package_size=draw(st.integers(1, 200)) if model == "package" else None,
        included_units=draw(st.integers(0, 200)) if model == "unit" else 0,
    )
    assert terms_faults(terms) == []
    return make_version(terms, number=1, ordinal=1, now=CREATED)
