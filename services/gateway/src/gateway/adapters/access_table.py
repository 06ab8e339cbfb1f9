"""Who may call what, compact: a million entries in memory, of which few are called.

An entry that nobody calls is a row of 32 bytes: its version, its subscription's numbers, and where its terms stand in a
list that all entries with the same terms share. The first call makes an `AccessSlot` of it, with the limiter; slots
that have been idle for long are let go again when they are many.
"""

import struct
import time

from msgspec.structs import replace

from gateway.domain.access_slot import AccessSlot
from gateway.domain.rate_limit import EntryKey, RateLimiter
from shared.events.subscriptions import Access, AccessEntryState, access_key

MAX_SLOTS = 100_000
SWEPT_SLOTS = 2_000  # in one sweep: a millisecond

_ROW = struct.Struct("<QQQII")  # version, number and number (production, sandbox), terms and terms
_NO_TERMS = 0xFFFFFFFF


class AccessTable:
    """Entries by application and API."""

    def __init__(self) -> None:
        # A row, or the whole state where its times are its own: shared terms would pile up.
        self._rows: dict[str, bytes | AccessEntryState] = {}
        self._terms: list[Access] = []
        self._places: dict[Access, int] = {}
        self._slots: dict[EntryKey, AccessSlot] = {}
        self.changed: list[RateLimiter] = []  # limiters with calls that other workers have not been told of

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, application_id: str, api_id: str, sandbox: bool) -> AccessSlot | None:
        """The entry in one environment."""
        slot = self._slots.get((application_id, api_id, sandbox))
        return self._thaw((application_id, api_id, sandbox)) if slot is None else slot

    def _thaw(self, key: EntryKey) -> AccessSlot | None:
        row = self._rows.get(access_key(key[0], key[1]))
        access = None if row is None else self._access(row, sandbox=key[2])
        if access is None:
            return None
        slot = self._slots[key] = AccessSlot(access, None, key, self.changed, time.monotonic_ns())
        return slot

    def _access(self, row: bytes | AccessEntryState, *, sandbox: bool) -> Access | None:
        if not isinstance(row, bytes):
            return row.sandbox if sandbox else row.production
        _, production_number, sandbox_number, production, sandboxed = _ROW.unpack(row)
        place = sandboxed if sandbox else production
        if place == _NO_TERMS:
            return None
        number = sandbox_number if sandbox else production_number
        access: Access = replace(self._terms[place], subscription_number=number)
        return access

    def apply(self, key: str, entry: AccessEntryState | None) -> None:
        """The newest state of an entry; None: it is gone. Older versions are ignored, also after its end."""
        row = self._rows.get(key)
        known = -1 if row is None else _ROW.unpack(row)[0] if isinstance(row, bytes) else row.version
        if entry is None:
            if row is not None:
                self._rows[key] = _ROW.pack(known, 0, 0, _NO_TERMS, _NO_TERMS)
        elif entry.version <= known:
            return
        else:
            self._rows[key] = self._row(entry)
        application_id, _, api_id = key.partition("/")
        for sandbox in (False, True):
            place = (application_id, api_id, sandbox)
            before = self._slots.get(place)
            if before is None:
                continue
            before.is_current = False
            access = self._access(self._rows[key], sandbox=sandbox)
            if access is None:
                del self._slots[place]
            else:
                self._slots[place] = AccessSlot(access, before, place, self.changed, time.monotonic_ns())

    def _row(self, entry: AccessEntryState) -> bytes | AccessEntryState:
        production, sandbox = entry.production, entry.sandbox
        if production.valid_until or production.blocked_until or sandbox.valid_until or sandbox.blocked_until:
            return entry
        place = self._place(production)
        return _ROW.pack(
            entry.version,
            production.subscription_number,
            sandbox.subscription_number,
            place,
            place if sandbox == production else self._place(sandbox),
        )

    def _place(self, access: Access) -> int:
        # Admission only asks whether there is a subscription: its id is not worth 80 bytes for each entry.
        terms = replace(access, subscription_id="sub" if access.subscription_id else "", subscription_number=0)
        place = self._places.get(terms)
        if place is None:
            place = self._places[terms] = len(self._terms)
            self._terms.append(terms)
        return place

    def sweep(self, now_ns: int) -> None:
        """Let some slots go whose limits remember nothing, when there are many."""
        if len(self._slots) <= MAX_SLOTS:
            return
        for key in list(self._slots)[:SWEPT_SLOTS]:
            slot = self._slots.pop(key)
            if slot.limiter.pending or slot.limiter.is_busy(now_ns):
                self._slots[key] = slot  # behind the others
            else:
                slot.is_current = False
