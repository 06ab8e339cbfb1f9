"""A plan of each pricing model, as the API reference shows them and tests create them."""

from pydantic import JsonValue

EXAMPLES: list[dict[str, JsonValue]] = [
    {
        "name": "Pay-as-you-go",
        "description": "Pay $0.02 per API request, billed monthly",
        "rate_limit": {"count": 1000, "unit": "minute"},
        "pricing_model": "unit",
        "currency": "usd",
        "billing_period": "month",
        "unit_amount_decimal": "2",
    },
    {"name": "Free", "pricing_model": "free", "rate_limits": [{"count": 5, "unit": "second", "burst": 10}]},
    {
        "name": "Team",
        "description": "19.00 EUR a month, paid in advance",
        "pricing_model": "flat",
        "currency": "eur",
        "flat_amount_decimal": "1900",
    },
    {
        "name": "Volume",
        "description": "The more, the cheaper: every call at the price of the tier reached",
        "pricing_model": "volume",
        "tiers": [
            {"up_to": 1000, "unit_amount_decimal": "2"},
            {"up_to": None, "unit_amount_decimal": "1.5"},
        ],
    },
    {
        "name": "Graduated",
        "description": "5.00 USD for the first 1,000 calls, then each tier's own price",
        "pricing_model": "graduated",
        "tiers": [
            {"up_to": 1000, "flat_amount_decimal": "500"},
            {"up_to": 10_000, "unit_amount_decimal": "0.5"},
            {"up_to": None, "unit_amount_decimal": "0.25"},
        ],
    },
    {
        "name": "Allowance",
        "description": "100 calls a week included, then 0.000015 USD per call",
        "pricing_model": "unit",
        "billing_period": "week",
        "unit_amount_decimal": "0.0015",
        "included_units": 100,
    },
    {
        "name": "Base and usage",
        "description": "10.00 USD a year in advance, and 0.01 USD per call",
        "pricing_model": "unit",
        "billing_period": "year",
        "flat_amount_decimal": "1000",
        "unit_amount_decimal": "1",
    },
    {
        "name": "Package",
        "description": "3.00 USD for every 100 calls begun",
        "pricing_model": "package",
        "unit_amount_decimal": "300",
        "package_size": 100,
    },
]
