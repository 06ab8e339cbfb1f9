import json

import pytest

from billing_sync.domain.stripe_event import ENABLED_EVENTS, MalformedEvent, job_kind, parse_event


def test_only_ids_and_the_type_are_read() -> None:
    body = {"id": "evt_1", "type": "invoice.paid", "data": {"object": {"id": "in_1", "total": 5}}}
    event = parse_event(json.dumps(body).encode())
    assert (event.event_id, event.kind, event.object_id) == ("evt_1", "invoice.paid", "in_1")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"id":"e","type":"t","data":{"object":{"id":5}}}', b"\xff",
     b'{"id":"' + b"e" * 300 + b'","type":"t","data":{"object":{"id":"o"}}}'],
)  # fmt: skip
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        parse_event(body)


def test_every_event_we_ask_for_has_a_job() -> None:
    assert all(job_kind(kind) for kind in ENABLED_EVENTS)
    assert job_kind("charge.succeeded") is None
