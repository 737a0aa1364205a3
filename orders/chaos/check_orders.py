"""What must be true of each order's own life: I6, I7, I10, I11, I15. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from orders.chaos.history import Act, AttemptRow, EventRow, GatewayCall, History, OrderRow
from orders.status import IN_DOUBT, may_move

OUTCOMES = (
    "order.accepted",
    "order.refused",
    "order.not_sent",
    "order.login_refused",
    "order.unclear",
    "order.duplicate",
    "order.refusal_doubted",
)
"""The kinds of events that say what an attempt came to, where they name one."""

DONE_BY = {
    "hold": ("order.held", "order.stop_requested"),
    "cancel": ("order.cancelled", "order.stop_requested"),
    "release": ("order.released",),
    "seen": ("order.flag_seen",),
}
"""The events by which an act of staff must be found in the timeline."""

SETTLE_SECONDS = 60.0
DATABASE_BACK = 10.0
NOTICED_AT_LAST = 30.0  # however slow the machine is
OWN_SECONDS = 1.0  # what two sweeps take themselves on a busy machine


def nothing_stays_in_doubt(history: History) -> Iterator[str]:
    """I6: nothing is being sent or unclear at the end, and every lost order is noticed at last."""
    for order in history.orders:
        if order.status in IN_DOUBT:
            yield f"order {order.invoice} is still {order.status}"
    for sample in history.samples:
        if sample.overdue > NOTICED_AT_LAST:
            yield f"a lease was over for {sample.overdue:.1f} s: nobody looks for lost orders"


def lost_ones_are_soon_noticed(history: History) -> Iterator[str]:
    """I6: no lease outlives two sweeps."""
    for sample in history.samples:
        late = sample.overdue > 2 * history.limits.sweep + OWN_SECONDS
        if late and not _database_was_down(history, sample.at):
            yield f"a lease was over for {sample.overdue:.1f} s, and nobody had noticed"


def _database_was_down(history: History, at: float) -> bool:
    return any(
        kill.at <= at <= kill.until + DATABASE_BACK
        for kill in history.kills
        if kill.kind == "database"
    )


def held_is_held(history: History) -> Iterator[str]:
    """I7: what staff were told is held is not sent before somebody releases it.

    Nor was it accepted while they waited for that answer: then it should have been another one.
    """
    sent: dict[str, list[GatewayCall]] = defaultdict(list)
    for call in history.submits():
        sent[call.invoices[0]].append(call)
    acts: dict[str, list[Act]] = defaultdict(list)
    for act in sorted(history.acts, key=lambda act: act.at):
        acts[act.invoice].append(act)
    released = _releases(history)
    for invoice, done in acts.items():
        for act in done:
            if act.what != "hold" or not act.good or not act.said.endswith("is held."):
                continue
            later = [a.at for a in done if a.what == "release" and a.at > act.at]
            later += [at for at in released.get(invoice, ()) if at > act.at]
            until = min(later, default=float("inf"))
            for call in sent[invoice]:
                since = act.at if call.verdict == "accepted" else act.done
                if since < call.at < until:
                    yield f"{invoice} was held, and sent {call.at - act.done:.1f} s after that"


def _releases(history: History) -> dict[str, list[float]]:
    invoices = {order.id: order.invoice for order in history.orders}
    found: dict[str, list[float]] = defaultdict(list)
    for event in history.events:
        if event.kind == "order.released":
            found[invoices.get(event.order_id, "")].append(event.at)
    return found


def timelines_are_whole(history: History) -> Iterator[str]:
    """I10: a timeline replayed gives the present state, and knows every attempt and act."""
    events: dict[int, list[EventRow]] = defaultdict(list)
    for event in history.events:
        events[event.order_id].append(event)
    attempts: dict[int, list[AttemptRow]] = defaultdict(list)
    for attempt in history.attempts:
        attempts[attempt.order_id].append(attempt)
    for order in history.orders:
        timeline = sorted(events[order.id], key=lambda event: event.id)
        yield from _replay(order, timeline)
        yield from _attempts(order, timeline, attempts[order.id])
    yield from _staff(history, events)


def _replay(order: OrderRow, timeline: list[EventRow]) -> Iterator[str]:
    if not timeline or timeline[0].kind != "order.placed":
        yield f"the timeline of {order.invoice} does not begin with its making"
        return
    at = timeline[0].to_status
    for event in timeline[1:]:
        if event.from_status != at:
            yield f"{order.invoice}: {event.kind} goes from {event.from_status}, and it was {at}"
        elif event.to_status != at and not may_move(at, event.to_status):
            yield f"{order.invoice}: {event.kind} goes from {at} to {event.to_status}"
        at = event.to_status
    if at != order.status:
        yield f"{order.invoice} is {order.status}, and its timeline ends with {at}"
    if order.version != len(timeline):
        yield f"{order.invoice} has version {order.version} and {len(timeline)} events"


def _attempts(
    order: OrderRow, timeline: list[EventRow], attempts: list[AttemptRow]
) -> Iterator[str]:
    begun = [event.data.get("attempt") for event in timeline if event.kind == "order.attempted"]
    wanted = list(range(1, len(attempts) + 1))
    if begun != wanted or order.attempts != len(attempts):
        yield f"{order.invoice} made {len(attempts)} attempts, and its timeline tells of {begun}"
    ended = Counter(
        e.data["attempt"] for e in timeline if e.kind in OUTCOMES and "attempt" in e.data
    )
    for number, count in ended.items():
        if count > 1:
            yield f"attempt {number} of {order.invoice} has {count} outcomes in the timeline"


def _staff(history: History, events: dict[int, list[EventRow]]) -> Iterator[str]:
    """Each act that staff were told was done has its event, and no other act has one."""
    ids = {order.invoice: order.id for order in history.orders}
    tried = Counter((act.invoice, act.what) for act in history.acts)
    good = Counter((act.invoice, act.what) for act in history.acts if act.good)
    for (invoice, what), count in tried.items():
        if what not in DONE_BY:
            continue
        mine = events.get(ids.get(invoice, 0), [])
        found = sum(e.actor in ("person", "client") and e.kind in DONE_BY[what] for e in mine)
        others = sum(
            tried[(invoice, other)] for other in DONE_BY if other != what
        )  # a stop request is the same event for both
        if not good[(invoice, what)] <= found <= count + others:
            yield f"{invoice}: staff did {what} {good[(invoice, what)]} times, found {found} events"


def secrets_stay_secret(history: History) -> Iterator[str]:
    """I11: no log, table, task or answer holds a password, a signing secret or a key."""
    yield from history.leaks
    for call in history.gateway:
        if call.kind == "other":
            yield "the desk followed a redirect, login and all"
            return


def work_is_finished(history: History) -> Iterator[str]:
    """I15: once all is quiet, whatever is due is finished."""
    if not history.drained:
        yield "the desk did not drain"


def soon_finished(history: History) -> Iterator[str]:
    """I15: and that within lease + sweep + 60 s."""
    most = history.limits.lease + history.limits.sweep + SETTLE_SECONDS
    if history.drained and history.drained - history.quiet > most:
        yield f"the desk took {history.drained - history.quiet:.0f} s to drain"
