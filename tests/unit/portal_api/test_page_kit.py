"""What every page is built of: forms, tokens, messages, figures and charts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from portal_api.identity.domain.user import csrf_token_of
from portal_api.web.kit import charts, formats
from portal_api.web.kit.flash import Flash, decode, encode
from portal_api.web.kit.forms import Form, check_origin
from portal_api.web.kit.pages import content_policy, local_path
from portal_api.web.kit.viewer import Viewer, is_token, masked, viewer_of
from shared.errors import DomainError
from shared.events.catalog import PlanVersion, Tier

NOW = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
VIEWER = Viewer(None, "/", Locale("en", "US"), ZoneInfo("Europe/Vienna"), None, "")


def request(headers: dict[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "method": "POST", "path": "/x", "headers": raw, "query_string": b"", "scheme": "http",
         "server": ("portal.test", 80)}
    )  # fmt: skip


def test_a_csrf_token_differs_on_every_page_and_is_recognized() -> None:
    token = csrf_token_of("session")
    first, second = masked(token), masked(token)
    assert first != second
    assert is_token(first, token) and is_token(second, token)
    assert not is_token(masked(csrf_token_of("another")), token)
    for nonsense in ("", "00", "zz" * 64, token):
        assert not is_token(nonsense, token)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(DomainError) as refused:
        check_origin(request(headers | {"Host": "portal.test"}), "http://portal.test")
    assert refused.value.status == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://portal.test", "Sec-Fetch-Site": "same-origin"}])
def test_our_own_form_is_taken(headers: dict[str, str]) -> None:
    check_origin(request(headers | {"Host": "portal.test"}), "http://portal.test")


def test_a_message_between_two_pages_is_signed() -> None:
    cookie = encode(Flash("Saved."), b"key")
    assert decode(cookie, b"key") == Flash("Saved.")
    assert decode(cookie, b"another key") is None
    assert decode(cookie[:-1] + ("0" if cookie[-1] != "0" else "1"), b"key") is None
    assert decode("nonsense", b"key") is None


def test_a_form_keeps_what_was_typed_and_says_what_is_wrong() -> None:
    form = Form.of(name="", count="12x", size="1,000", box=True)
    assert form.text("name", label="The name", required=True) == ""
    assert form.integer("count", label="The count") is None
    assert form.integer("size") == 1000
    assert form.flag("box") and not form.flag("other")
    assert form.errors == {"name": "The name is needed.", "count": "The count must be a whole number."}
    form.fail(DomainError("x", 422, "X", "No.", "unit_amount_decimal"), {"unit_amount_decimal": "unit_amount"})
    assert form.errors["unit_amount"] == "No."


@pytest.mark.parametrize("target", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:1", "x", "/a\nb"])
def test_a_redirect_never_leads_elsewhere(target: str) -> None:
    assert local_path(target) == "/"


def test_a_redirect_may_keep_its_query() -> None:
    assert local_path("/console/a?b=1") == "/console/a?b=1"


def test_scripts_come_from_us_alone() -> None:
    policy = content_policy(connect="http://gateway.test")
    assert "script-src 'self';" in policy
    assert "connect-src 'self' http://gateway.test" in policy
    assert "unsafe-eval" not in policy


def test_a_viewer_has_a_zone_an_english_and_a_theme() -> None:
    headers = {"Cookie": "tollway_zone=Asia/Tokyo; tollway_theme=dark", "Accept-Language": "de, en-GB;q=0.8"}
    viewer = viewer_of(request(headers), None, None)
    assert (viewer.zone.key, str(viewer.locale), viewer.theme, viewer.csrf) == ("Asia/Tokyo", "en_GB", "dark", "")
    odd = viewer_of(request({"Cookie": "tollway_zone=../../etc/passwd; tollway_theme=pink"}), None, None)
    assert (odd.zone.key, odd.theme) == ("UTC", None)


def test_money_follows_the_currency() -> None:
    assert formats.money(200, "usd") == "$2.00"
    assert formats.money(200, "jpy") == "¥200"
    assert formats.money(1500, "kwd").replace("\xa0", " ") == "KWD 1.500"
    assert formats.price(Decimal("0.05"), "usd") == "$0.0005"
    assert formats.price(Decimal(2), "usd") == "$0.02"


def test_times_are_shown_in_the_viewers_zone() -> None:
    assert formats.day(NOW, VIEWER) == "Nov 26, 2026"
    assert "12:30" in formats.moment(NOW, VIEWER)
    assert formats.ago(NOW - timedelta(minutes=3), NOW, VIEWER) == "3 minutes ago"
    assert formats.ago(NOW, NOW, VIEWER) == "just now"


def test_a_plan_fits_in_a_line() -> None:
    def version(**terms: object) -> PlanVersion:
        return PlanVersion(number=1, ordinal=1, created_at=NOW, **terms)  # type: ignore[arg-type]

    tiers = (Tier(up_to=100, unit_amount_decimal=Decimal(2)), Tier(up_to=None, unit_amount_decimal=Decimal(1)))
    assert formats.price_line(version(pricing_model="free")) == "Free"
    assert formats.price_line(version(pricing_model="unit", unit_amount_decimal=Decimal(2))) == "$0.02 per request"
    assert formats.price_line(version(pricing_model="flat", flat_amount_decimal=Decimal(4900))) == "$49.00 per month"
    assert formats.price_line(version(pricing_model="graduated", tiers=tiers)) == "$0.01 to $0.02 per request"
    package = version(pricing_model="package", unit_amount_decimal=Decimal(500), package_size=1000)
    assert formats.price_line(package) == "$5.00 per 1,000 requests"


def test_a_chart_names_each_bar_and_escapes_what_it_is_given() -> None:
    drawn = charts.bar_chart([charts.Bar("<b>", (3.0, 1.0), "4 calls\n<1 error>")], title="Calls", label=str)
    assert drawn.count("<svg") == 2, "wide and narrow"
    assert "&lt;1 error&gt;" in drawn and "<b>" not in drawn
    assert 'tabindex="0"' in drawn
    assert charts.bar_chart([], title="Nothing", label=str).count("<svg") == 2


@pytest.mark.parametrize(
    ("value", "ticks"),
    [
        (0, [0, 1]), (1, [0, 1]), (2, [0, 1, 2]), (6, [0, 2, 4, 6]), (15, [0, 5, 10, 15]), (12, [0, 5, 10, 15]),
        (100, [0, 20, 40, 60, 80, 100]), (999, [0, 200, 400, 600, 800, 1000]), (1001, [0, 250, 500, 750, 1000, 1250]),
    ],
)  # fmt: skip
def test_an_axis_of_counts_has_whole_numbers_equally_far_apart(value: float, ticks: list[float]) -> None:
    assert charts.ticks_of(value, whole=True) == pytest.approx(ticks)


@given(st.floats(min_value=0.001, max_value=1e12), st.booleans())
def test_an_axis_holds_the_largest_value_on_few_ticks(value: float, whole: bool) -> None:
    ticks = charts.ticks_of(value, whole=whole)
    assert 2 <= len(ticks) <= 6 and ticks[-1] >= value * 0.999 and ticks[0] == 0
    assert not whole or all(tick % 1 == 0 for tick in ticks)


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.7, 0.8), (1, 1), (7, 8), (11, 15), (999, 1000), (1001, 1500)])
def test_an_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert charts.nice_ceiling(value) == pytest.approx(top)
