"""Meter slots: Stripe counts usage twice when two live items of one customer share a meter."""

from collections.abc import Collection


def free_slot(taken: Collection[int]) -> int:
    """A developer's n-th live subscription to the same plan of the same API takes the lowest free slot, from 1."""
    slot = 1
    while slot in taken:
        slot += 1
    return slot


def event_name(api_id: str, plan_id: str, slot: int) -> str:
    """A meter's event name; Stripe keeps it taken for ever, at most 100 characters."""
    name = f"tollway.{api_id}.{plan_id}.{slot}"
    if len(name) > 100:
        raise ValueError(f"event name {name} is too long")
    return name


def price_lookup_key(api_id: str, plan_version_number: int, slot: int, kind: str) -> str:
    """The Price's `lookup_key`: finds a price again whose creation was not stored."""
    return f"tollway.{api_id}.{plan_version_number}.{slot}.{kind}"
