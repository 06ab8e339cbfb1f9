"""`python -m sandbox_clock --to 2026-12-25T00:00:01+00:00 | --by-hours 1`: move the sandbox's business time."""

import argparse
import os
from datetime import datetime, timedelta

from sandbox_clock import advance, advance_by, present_offset_us
from shared.clock import real_now


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="sandbox_clock", description=__doc__)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--to", type=datetime.fromisoformat, help="an instant with its UTC offset")
    target.add_argument("--by-hours", type=float, help="hours from the present business time")
    parser.add_argument("--stripe-url", default=os.environ.get("TOLLWAY_DEMO_STRIPE_URL", "http://127.0.0.1:8400"))
    parser.add_argument(
        "--bootstrap-servers", default=os.environ.get("TOLLWAY_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:19092")
    )
    parser.add_argument("--topic-prefix", default=os.environ.get("TOLLWAY_KAFKA_TOPIC_PREFIX", ""))
    given = parser.parse_args()
    where = {
        "stripe_url": given.stripe_url,
        "bootstrap_servers": given.bootstrap_servers,
        "topic_prefix": given.topic_prefix,
    }
    if given.to is not None:
        if given.to.tzinfo is None:
            parser.error("--to needs a UTC offset, for example 2026-12-25T00:00:01+00:00")
        advance(to=given.to, **where)
    else:
        advance_by(timedelta(hours=given.by_hours), **where)
    offset = timedelta(microseconds=present_offset_us(given.stripe_url))
    print(f"business time is {(real_now() + offset).isoformat()}")


if __name__ == "__main__":
    main()
