"""What a finished call counts for."""

from gateway.domain.access_slot import AccessSlot
from shared.events.call_record import (
    FLAG_BILLABLE,
    FLAG_CLIENT_ABORTED,
    FLAG_SANDBOX,
    FLAG_UPSTREAM_FAILED,
)

CLIENT_CLOSED_REQUEST = 499  # status of a call whose client left before the upstream said anything


def flags_of(slot: AccessSlot, sandbox: bool, upstream_status: int, client_aborted: bool, upstream_failed: bool) -> int:
    """The flags word of the call record.

    Billable is every production call, or (`successful`) those whose upstream's response has a status below 400. A
    client that leaves midway has called; an upstream that breaks off midway has not answered.
    """
    flags = 0
    if sandbox:
        flags = FLAG_SANDBOX
    elif slot.subscription and (slot.bills_every_call or (0 < upstream_status < 400 and not upstream_failed)):
        flags = FLAG_BILLABLE
    if client_aborted:
        flags |= FLAG_CLIENT_ABORTED
    if upstream_failed:
        flags |= FLAG_UPSTREAM_FAILED
    return flags
