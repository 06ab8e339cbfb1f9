"""Business time of the sandbox: one offset from real time, for the Stripe double and for every service.

The double moves first: a service ahead of it would stamp meter events in what Stripe calls the future.
"""

import asyncio
from datetime import datetime, timedelta

import httpx
from aiokafka import AIOKafkaProducer

from shared.clock import real_now, to_us
from shared.events.envelope import encode, event_type, headers_for, to_kafka_headers
from shared.events.gateway import SandboxClock
from shared.events.topics import SANDBOX_CLOCK
from shared.ids import new_id


def present_offset_us(stripe_url: str) -> int:
    """How far business time is ahead of real time now, in microseconds."""
    answer = httpx.get(f"{stripe_url}/_admin/clock", timeout=30).raise_for_status()
    return int(answer.json()["offset_us"])


def advance(*, to: datetime, stripe_url: str, bootstrap_servers: str, topic_prefix: str = "") -> None:
    """Move business time forward to `to`. An instant that has passed already changes nothing.

    Everything that falls due on the way (renewals, finalizations) happens before this returns at the double, and
    shortly after in the services. Let the money path drain first if calls are still under way.
    """
    offset_us = to_us(to) - to_us(real_now())
    if offset_us <= present_offset_us(stripe_url):
        return
    httpx.post(f"{stripe_url}/_admin/clock", json={"offset_us": offset_us}, timeout=120).raise_for_status()
    asyncio.run(_publish(offset_us, bootstrap_servers, topic_prefix))


def advance_by(delta: timedelta, *, stripe_url: str, bootstrap_servers: str, topic_prefix: str = "") -> None:
    """Move business time forward by `delta` from where it is."""
    now = real_now() + timedelta(microseconds=present_offset_us(stripe_url))
    advance(to=now + delta, stripe_url=stripe_url, bootstrap_servers=bootstrap_servers, topic_prefix=topic_prefix)


async def _publish(offset_us: int, bootstrap_servers: str, topic_prefix: str) -> None:
    # The offset only grows, so that it serves as the version too.
    event = SandboxClock(version=offset_us, offset_us=offset_us, set_at=real_now())
    headers = headers_for(
        event_id=new_id("evt"), kind=event_type(event), source="sandbox-clock", time=real_now(), traceparent=None
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(
            topic_prefix + SANDBOX_CLOCK.name, value=encode(event), key=b"clock", headers=to_kafka_headers(headers)
        )
    finally:
        await producer.stop()
