"""The figures of a run for people. Pure."""

from __future__ import annotations

from collections import Counter

from orders.chaos.check_intake import percentile
from orders.chaos.history import History


def figures(history: History) -> list[str]:
    """Return the figures, one line each."""
    seconds = [sent.seconds for sent in history.sent if sent.status] or [0.0]
    p50, p95, p99 = (1000 * percentile(seconds, percent) for percent in (50, 95, 99))
    answers = Counter(str(sent.status or "no answer") for sent in history.sent)
    attempts = Counter(attempt.order_id for attempt in history.attempts)
    most = max(attempts.values(), default=0)
    ratio = len(history.attempts) / max(1, len(history.orders))
    submits = history.submits()
    duplicates = sum(call.code == "000035" for call in submits)
    late = sum(attempt.late for attempt in history.attempts)
    drain = f"{history.drained - history.quiet:.0f} s" if history.drained else "not drained"
    return [
        f"deliveries  {len(history.sent)} posts: {_told(answers)}",
        f"webhook     p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, "
        f"most {1000 * max(seconds):.0f} ms",
        f"orders      {len(history.orders)}: {_told(Counter(o.status for o in history.orders))}",
        f"attempts    {len(history.attempts)}, {ratio:.2f} an order, at most {most}; "
        f"{len(history.accepted())} accepted, {duplicates} duplicates, {late} late results",
        f"faults      {_told(Counter(c.fault for c in history.gateway if c.fault))}",
        f"status      {_told(_calls(history))}; "
        f"{_told(Counter(row.outcome for row in history.ledger))}",
        f"kills       {_told(Counter(kill.kind for kill in history.kills))}",
        f"staff       {len(history.acts)} acts: "
        f"{_told(Counter(a.what for a in history.acts if a.good))}; "
        f"{sum(not a.good for a in history.acts)} were told no; {len(history.peeks)} looks",
        f"lease late  {max((s.overdue for s in history.samples), default=0.0):.1f} s at most",
        f"time        {history.quiet - history.begun:.0f} s of storm, drained in {drain}",
    ]


def _calls(history: History) -> Counter[str]:
    return Counter(f"account {c.account}" for c in history.gateway if c.kind == "status")


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"
