"""The arithmetic in words; REST and pages say the same."""

from portal_api.billing.domain.explanation import ExplainedLine, Explanation
from portal_api.http.money_text import DEFAULT_LOCALE, Language, count, exact_money, money

_RULES = {
    "free": "This plan costs nothing.",
    "flat": "A fee for each billing period, whatever is used of it.",
    "unit": "Every billed request costs the same.",
    "package": "Requests come in packages; a package that is begun counts as a whole.",
    "volume": "The tier that the total falls into sets the price of all requests.",
    "graduated": "Each tier prices only the requests that fall into it.",
}


def rule_text(explanation: Explanation) -> str:
    """How this pricing model counts, in a sentence."""
    text = _RULES[explanation.model]
    if explanation.version.flat_amount_decimal is not None and explanation.model != "flat":
        return f"{text} The fee for the period comes on top and is paid in advance."
    return text


def line_title(line: ExplainedLine, explanation: Explanation, locale: Language = DEFAULT_LOCALE) -> str:
    """`Tier 2 (1,001 to 5,000)`, `Requests`, `Fee per month`."""
    match line.kind:
        case "fee":
            return f"Fee per {explanation.version.interval}"
        case "included":
            return f"Included (first {count(line.last_unit or 0, locale)})"
        case "packages":
            return f"Packages of {count(explanation.version.package_size or 1, locale)}"
        case "tier":
            return f"Tier {line.tier} ({_range(line, locale)})"
        case "units":
            return "Requests"


def line_text(line: ExplainedLine, currency: str, locale: Language = DEFAULT_LOCALE) -> str:
    """The step as a sum that anybody can check: `100 × $0.02 = $2.00`."""
    total = exact_money(line.amount, currency, locale)
    if line.kind == "fee":
        return total
    if not line.unit_amount and line.flat_amount:
        return f"{exact_money(line.flat_amount, currency, locale)} flat"
    sum_text = f"{count(line.quantity, locale)} × {exact_money(line.unit_amount, currency, locale)}"
    if line.flat_amount:
        sum_text += f" + {exact_money(line.flat_amount, currency, locale)} flat"
    text = f"{sum_text} = {total}"
    return f"{text} ≈ {money(line.amount_minor, currency, locale)}" if line.is_rounded else text


def line_reason(line: ExplainedLine, explanation: Explanation, locale: Language = DEFAULT_LOCALE) -> str:
    """Why the line is there, in a sentence: what the Explain drawer says."""
    currency, quantity = explanation.version.currency, count(line.quantity, locale)
    price = exact_money(line.unit_amount, currency, locale)
    match line.kind:
        case "fee":
            text = f"The plan's fee for each billing {explanation.version.interval}, paid in advance."
        case "included":
            text = f"{quantity} of the {count(line.last_unit or 0, locale)} requests that cost nothing in each period."
        case "packages":
            size = count(explanation.version.package_size or 1, locale)
            text = f"{count(explanation.units, locale)} requests need {quantity} packages of {size}, {price} each."
        case "units":
            text = f"{quantity} billed requests in this period, {price} each."
        case "tier" if explanation.model == "volume":
            units = count(explanation.units, locale)
            text = f"The total of {units} lies in tier {line.tier} ({_range(line, locale)}): all cost {price} each."
        case "tier":
            text = f"{quantity} requests fall into tier {line.tier} ({_range(line, locale)}), {price} each."
    if line.kind == "tier" and line.flat_amount:
        text += f" Reaching this tier adds {exact_money(line.flat_amount, currency, locale)} once."
    if line.is_rounded:
        exact, rounded = exact_money(line.amount, currency, locale), money(line.amount_minor, currency, locale)
        text += f" {exact} is rounded to {rounded}, as on the invoice."
    return text


def _range(line: ExplainedLine, locale: Language) -> str:
    first = count(line.first_unit or 1, locale)
    return f"{first} and more" if line.last_unit is None else f"{first} to {count(line.last_unit, locale)}"
