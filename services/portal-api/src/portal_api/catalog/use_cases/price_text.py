"""Prices of the catalogue as sentences; REST and pages say the same."""

from portal_api.catalog.domain.entry_price import EntryPrice
from portal_api.http.money_text import DEFAULT_LOCALE, Language, count, exact_money


def entry_price_text(price: EntryPrice, locale: Language = DEFAULT_LOCALE) -> str:
    """`Free`, `$0.02 per request`, `$5.00 per 1,000 requests`, `$10.00 per month`."""
    if price.basis == "free":
        return "Free"
    amount = exact_money(price.amount, price.currency, locale)
    if price.basis == "package":
        return f"{amount} per {count(price.package_size or 1, locale)} requests"
    return f"{amount} per {'request' if price.basis == 'request' else price.interval}"
