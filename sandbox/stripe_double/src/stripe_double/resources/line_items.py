"""What Checkout and subscriptions ask of the prices they are given."""

from typing import Any

from stripe_double.errors import invalid
from stripe_double.store import Object
from stripe_double.work import Work

MOST_ITEMS = 20


def checked_items(work: Work, given: list[dict[str, Any]], name: str, *, quantity_needed: bool) -> list[Object]:
    """Prices in place of their ids: recurring, active, one currency, one interval; no quantity on metered ones."""
    if not given:
        raise invalid(f"You must provide at least one item in `{name}`.", name, "parameter_missing")
    if len(given) > MOST_ITEMS:
        raise invalid(f"You can have at most {MOST_ITEMS} items in `{name}`.", name)
    items = [
        _item(work, entry, f"{name}[{number}]", quantity_needed=quantity_needed) for number, entry in enumerate(given)
    ]
    prices = [item["price"] for item in items]
    if len({price["currency"] for price in prices}) > 1:
        raise invalid("All prices on a subscription must have the same currency.", name)
    if len({(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in prices}) > 1:
        raise invalid(
            "The Stripe double models one `recurring.interval` per subscription.", name, "double_not_modelled"
        )
    if len({price["id"] for price in prices}) < len(prices):
        raise invalid("Cannot add multiple subscription items with the same price.", name)
    return items


def _item(work: Work, entry: dict[str, Any], where: str, *, quantity_needed: bool) -> Object:
    unknown = entry.keys() - {"price", "quantity", "metadata", "id"}
    if unknown:
        field = f"{where}[{sorted(unknown)[0]}]"
        raise invalid(f"The Stripe double does not model {field}.", field, "double_not_modelled")
    if "price" not in entry:
        raise invalid(f"Missing required param: {where}[price].", f"{where}[price]", "parameter_missing")
    price = work.require("price", entry["price"], f"{where}[price]")
    if price["recurring"] is None:
        raise invalid("The price must be recurring in `subscription` mode.", f"{where}[price]")
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", f"{where}[price]")
    metered = price["recurring"]["usage_type"] == "metered"
    if metered and "quantity" in entry:
        raise invalid(
            f"Quantity should not be specified where usage_type is `metered`. Remove quantity from `{where}`.",
            f"{where}[quantity]",
        )
    if not metered and quantity_needed and "quantity" not in entry:
        raise invalid(f"Quantity is required. Add `quantity` to `{where}`.", f"{where}[quantity]")
    item: Object = {"price": price, "metadata": entry.get("metadata", {})}
    if not metered:
        item["quantity"] = entry.get("quantity", 1)
    return item
