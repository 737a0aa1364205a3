"""What a run leaves behind, as plain rows: the senders' log, our tables, the sandbox's own log.

The checkers read nothing else. Times are seconds since 1970; every clock is this machine's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Kinds of deliveries that are sent, and the HTTP status with which each must be answered.
ORDER, UNKNOWN_SKU, MALFORMED = "order", "unknown_sku", "malformed"
FORGED, STRANGER, OVERSIZE = "forged", "stranger", "oversize"
MUST_ANSWER = {ORDER: 200, UNKNOWN_SKU: 200, MALFORMED: 200, FORGED: 401, STRANGER: 401}
MUST_ANSWER[OVERSIZE] = 413


@dataclass(frozen=True)
class Sent:
    """One POST of a sender; ``status`` 0 means that no answer came."""

    kind: str
    store: str
    shop_order_id: int
    webhook_id: str
    body_hash: str
    at: float
    seconds: float
    status: int
    outcome: str = ""
    invoices: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Act:
    """One button or form of staff; ``said`` is the admin's message, blank where none came."""

    what: str
    invoice: str
    at: float
    done: float
    status: int
    said: str = ""
    good: bool = False


@dataclass(frozen=True)
class Peek:
    """One look of a publisher's user at another's rows; ``seen`` is what it should not have."""

    path: str
    at: float
    status: int
    seen: str = ""


@dataclass(frozen=True)
class Kill:
    """Something that was done to the desk; ``until`` is when its direct effect ended."""

    kind: str
    at: float
    until: float


@dataclass(frozen=True)
class Sample:
    """The tables at one moment; ``overdue`` is the seconds since the oldest lease ended."""

    at: float
    counts: dict[str, int]
    overdue: float


@dataclass(frozen=True)
class DeliveryRow:
    store: str
    webhook_id: str
    body_hash: str
    outcome: str
    reason: str
    failures: int
    shop_order_id: int = 0


@dataclass(frozen=True)
class OrderRow:
    id: int
    invoice: str
    account: str
    store: str
    shop_order_id: int
    email: str
    status: str
    hold_reason: str
    version: int
    attempts: int
    accepted: bool


@dataclass(frozen=True)
class EventRow:
    id: int
    order_id: int
    kind: str
    from_status: str
    to_status: str
    actor: str
    at: float
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AttemptRow:
    order_id: int
    number: int
    outcome: str
    late: bool


@dataclass(frozen=True)
class LedgerRow:
    """One status call of our ledger."""

    account: str
    purpose: str
    invoices: int
    outcome: str
    at: float


@dataclass(frozen=True)
class GatewayCall:
    """One call as the sandbox logged it."""

    id: int
    at: float
    kind: str
    account: str
    invoices: tuple[str, ...]
    verdict: str
    code: str = ""
    fault: str = ""
    payload_hash: str = ""
    email: str = ""


@dataclass(frozen=True)
class Limits:
    """The time scale and the limits under which the run worked."""

    lease: float = 6.0
    sweep: float = 1.0
    status_calls: int = 2000
    in_flight: int = 8
    orders: int = 0


@dataclass(frozen=True)
class Refusal:
    """The window in which an account's login was refused, until staff changed it."""

    account: str
    begins: float
    mended: float


@dataclass
class History:
    """Everything that one run leaves behind."""

    limits: Limits = field(default_factory=Limits)
    begun: float = 0.0
    quiet: float = 0.0  # senders done and kills stopped
    drained: float = 0.0  # 0 where the desk did not drain in time
    sent: list[Sent] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    peeks: list[Peek] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    deliveries: list[DeliveryRow] = field(default_factory=list)
    orders: list[OrderRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    attempts: list[AttemptRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    gateway: list[GatewayCall] = field(default_factory=list)
    shop_orders: list[tuple[str, int]] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)  # for people who look for a cause
    leaks: list[str] = field(default_factory=list)

    def submits(self) -> list[GatewayCall]:
        """Return the submit calls that reached the sandbox, oldest first."""
        return [call for call in self.gateway if call.kind == "submit"]

    def accepted(self) -> list[GatewayCall]:
        """Return the submit calls that the sandbox accepted."""
        return [call for call in self.submits() if call.verdict == "accepted"]

    def save(self, path: Path) -> None:
        """Write the history as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, default=str), encoding="utf-8")
