"""The SDK leaves nothing in anybody's home folder."""

import stripe

from billing_sync.adapters import stripe_api


def test_telemetry_is_off() -> None:
    assert stripe_api.stripe is stripe
    assert stripe.enable_telemetry is False
