"""Each invariant of the chaos run, seen to hold and seen to fail on histories made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orders.chaos import collect, plan
from orders.chaos.checker import INVARIANTS, check, failed, summary
from orders.chaos.history import (
    FORGED,
    ORDER,
    UNKNOWN_SKU,
    Act,
    AttemptRow,
    DeliveryRow,
    EventRow,
    GatewayCall,
    History,
    Kill,
    LedgerRow,
    Limits,
    OrderRow,
    Peek,
    Refusal,
    Sample,
    Sent,
)
from orders.chaos.mutants import MUTANTS

STORE, ACCOUNT, INVOICE, EMAIL = "a1.myshopify.com", "70001", "A-1-S11-1", "customer-11@example.com"


def sent(**values: Any) -> Sent:
    base = Sent(ORDER, STORE, 11, "w1", "h1", 100.0, 0.1, 200, "created", (INVOICE,))
    return replace(base, **values)


def event(number: int, kind: str, before: str, to: str, **values: Any) -> EventRow:
    return replace(EventRow(number, 1, kind, before, to, "worker", 100.0 + number), **values)


def submitted(**values: Any) -> GatewayCall:
    base = GatewayCall(1, 104.0, "submit", ACCOUNT, (INVOICE,), "accepted", payload_hash="p1")
    return replace(base, email=EMAIL, **values)


def asked(number: int, **values: Any) -> GatewayCall:
    base = GatewayCall(number, 110.0 + number, "status", ACCOUNT, (INVOICE,), "answered")
    return replace(base, **values)


def good() -> History:
    """One delivery, one order, one attempt, one acceptance, one status call: all in order."""
    return History(
        limits=Limits(status_calls=3),
        begun=99.0,
        quiet=200.0,
        drained=210.0,
        sent=[sent()],
        peeks=[Peek("/admin/orders/order/", 150.0, 200)],
        samples=[Sample(120.0, {"accepted": 1}, 0.5)],
        deliveries=[DeliveryRow(STORE, "w1", "h1", "created", "", 0, 11)],
        shop_orders=[(STORE, 11)],
        orders=[OrderRow(1, INVOICE, ACCOUNT, STORE, 11, EMAIL, "accepted", "", 4, 1, True)],
        events=[
            event(1, "order.placed", "", "ready", actor="shop"),
            event(2, "order.claimed", "ready", "submitting"),
            event(3, "order.attempted", "submitting", "submitting", data={"attempt": 1}),
            event(5, "order.accepted", "submitting", "accepted", data={"attempt": 1}),
        ],
        attempts=[AttemptRow(1, 1, "accepted", late=False)],
        ledger=[LedgerRow(ACCOUNT, "sweep", 1, "answered", 111.0)],
        gateway=[submitted(), asked(2)],
    )


def red(history: History) -> list[str]:
    return failed(check(history))


def test_a_good_history_keeps_every_invariant() -> None:
    verdicts = check(good())
    assert [line for verdict in verdicts for line in verdict.lines() if "FAILED" in line] == []
    assert summary(verdicts) == "15 passed, 0 failed"


def test_there_are_fifteen_invariants_in_their_order() -> None:
    assert [one.id for one in INVARIANTS] == [f"I{number}" for number in range(1, 16)]


class TestI1:
    def test_an_answered_delivery_that_is_not_stored(self) -> None:
        history = good()
        history.sent.append(sent(webhook_id="w2", outcome="linked"))
        assert red(history) == ["I1"]

    def test_a_delivery_stored_twice(self) -> None:
        history = good()
        history.deliveries *= 2
        assert red(history) == ["I1"]

    def test_a_shop_order_that_led_to_two_orders(self) -> None:
        history = good()
        second = replace(history.orders[0], id=2, invoice="A-1-S11-2", status="held", attempts=0)
        history.orders.append(replace(second, version=1, accepted=False))
        history.events.append(event(9, "order.placed", "", "held", order_id=2))
        assert red(history) == ["I1"]

    def test_a_shop_order_that_led_to_none(self) -> None:
        history = good()
        history.sent.append(sent(shop_order_id=12, webhook_id="w2", outcome="quarantined"))
        history.deliveries.append(DeliveryRow(STORE, "w2", "h1", "quarantined", "Broken.", 0))
        assert red(history) == ["I1"]

    def test_an_unmatched_delivery_without_a_reason(self) -> None:
        history = good()
        history.sent.append(sent(kind=UNKNOWN_SKU, webhook_id="w2", outcome="unmatched"))
        history.deliveries.append(DeliveryRow(STORE, "w2", "h1", "unmatched", "", 0))
        assert red(history) == ["I1"]
        history.deliveries[-1] = replace(history.deliveries[-1], reason="Nobody knows this SKU.")
        assert red(history) == []

    def test_a_repeat_is_stored_once_and_named_by_the_same_order(self) -> None:
        history = good()
        history.sent.append(sent(outcome="repeat"))
        assert red(history) == []


class TestI2:
    def test_an_order_that_no_shop_sent(self) -> None:
        history = good()
        history.sent[0] = sent(kind=FORGED, status=401, outcome="", invoices=())
        assert red(history) == ["I2"]

    def test_a_forged_delivery_that_was_taken(self) -> None:
        history = good()
        history.sent.append(sent(kind=FORGED))
        assert red(history) == ["I2"]


class TestI3:
    def test_an_invoice_accepted_twice(self) -> None:
        history = good()
        history.gateway.append(submitted(id=3))
        assert red(history) == ["I3"]

    def test_a_box_accepted_under_two_invoices(self) -> None:
        history = good()
        history.gateway.append(submitted(id=3, invoices=("A-1-S11-1-X2",)))
        assert "I3" in red(history)


class TestI4:
    def test_two_invoices_for_one_box(self) -> None:
        history = good()
        other = submitted(id=3, invoices=("A-1-S11-1-X2",), verdict="unprocessed")
        history.gateway.append(other)
        assert red(history) == ["I4"]

    def test_another_payload_without_an_edit(self) -> None:
        history = good()
        first = submitted(id=1, at=101.0, verdict="unprocessed", payload_hash="p0")
        history.gateway.insert(0, first)
        assert red(history) == ["I4"]

    def test_another_payload_after_an_edit(self) -> None:
        history = good()
        history.gateway.insert(0, submitted(at=101.0, verdict="unprocessed", payload_hash="p0"))
        history.events[1:1] = [event(2, "order.edited", "ready", "ready", actor="person")]
        history.orders[0] = replace(history.orders[0], version=5)
        assert red(history) == []


class TestI5:
    def test_accepted_there_and_not_here(self) -> None:
        history = good()
        history.orders[0] = replace(history.orders[0], status="refused", accepted=False)
        history.events[-1] = event(5, "order.refused", "submitting", "refused", data={"attempt": 1})
        assert red(history) == ["I5"]

    def test_accepted_here_and_not_there(self) -> None:
        history = good()
        history.gateway[0] = submitted(verdict="unprocessed")
        assert red(history) == ["I5"]


class TestI6:
    def test_an_order_left_unclear(self) -> None:
        history = good()
        history.gateway[0] = submitted(verdict="unprocessed")
        history.orders[0] = replace(history.orders[0], status="unclear", accepted=False)
        history.events[-1] = event(5, "order.unclear", "submitting", "unclear", data={"attempt": 1})
        assert red(history) == ["I6"]

    def test_a_lease_that_nobody_noticed(self) -> None:
        history = good()
        history.samples.append(Sample(130.0, {}, 3.5))
        assert red(history) == ["I6"]
        history.kills.append(Kill("database", 128.0, 129.0))
        assert red(history) == []


class TestI7:
    @pytest.fixture
    def held(self) -> History:
        """Staff were told at 103 that the order is held; it was sent at 104."""
        history = good()
        said = f"Order {INVOICE} is held."
        history.acts = [Act("hold", INVOICE, 102.5, 103.0, 200, said, good=True)]
        history.events[1:1] = [
            event(1, "order.held", "ready", "held", actor="person"),
            event(1, "order.released", "held", "ready"),
        ]
        history.orders[0] = replace(history.orders[0], version=6)
        return history

    def test_sent_while_held(self, held: History) -> None:
        assert red(held) == ["I7"]

    def test_accepted_while_staff_waited_to_be_told(self, held: History) -> None:
        held.acts[0] = replace(held.acts[0], done=104.5)
        assert red(held) == ["I7"]
        held.acts[0] = replace(held.acts[0], at=104.2)
        assert red(held) == []

    def test_sent_after_a_release(self, held: History) -> None:
        held.events[2] = replace(held.events[2], at=103.5)
        assert red(held) == []

    def test_a_promise_to_stop_is_no_hold(self, held: History) -> None:
        said = f"Order {INVOICE} is being sent; it is held if TrepStar does not get it."
        held.acts[0] = replace(held.acts[0], said=said)
        assert red(held) == []


class TestI8:
    def test_a_call_that_our_ledger_does_not_know(self) -> None:
        history = good()
        history.gateway.append(asked(3))
        assert red(history) == ["I8"]

    def test_an_answer_that_trepstar_never_gave(self) -> None:
        history = good()
        history.ledger *= 2
        assert red(history) == ["I8"]

    def test_a_reserved_call_that_was_never_made_is_in_order(self) -> None:
        history = good()
        history.ledger.append(LedgerRow(ACCOUNT, "sweep", 1, "reserved", 112.0))
        assert red(history) == []

    def test_more_calls_than_the_limit(self) -> None:
        history = good()
        history.ledger *= 4
        history.gateway += [asked(number) for number in (3, 4, 5)]
        assert red(history) == ["I8"]

    def test_calls_for_one_invoice_each(self) -> None:
        history = good()
        many = [replace(history.orders[0], id=n, invoice=f"A-{n}") for n in range(2, 60)]
        history.orders += many
        assert "I8" in red(history)
        history.ledger[0] = replace(history.ledger[0], invoices=50)
        assert "I8" not in red(history)


class TestI9:
    @pytest.fixture
    def refused(self) -> History:
        history = good()
        history.limits = Limits(in_flight=2)
        history.refusals = [Refusal(ACCOUNT, 300.0, 310.0)]
        history.gateway.append(submitted(id=9, at=301.0, verdict="refused", fault="login"))
        return history

    def calls(self, count: int) -> list[GatewayCall]:
        return [submitted(id=20 + n, at=302.0, verdict="refused") for n in range(count)]

    def test_calls_in_flight_are_in_order(self, refused: History) -> None:
        refused.gateway += self.calls(2)
        assert red(refused) == []

    def test_more_calls_after_the_first_refusal(self, refused: History) -> None:
        refused.gateway += self.calls(3)
        assert red(refused) == ["I9"]

    def test_a_window_without_a_refusal_proves_nothing(self, refused: History) -> None:
        refused.gateway.pop()
        assert red(refused) == ["I9"]


class TestI10:
    def test_a_status_that_its_timeline_does_not_end_with(self) -> None:
        history = good()
        history.orders[0] = replace(history.orders[0], status="shipped")
        assert red(history) == ["I10"]

    def test_a_step_that_is_missing(self) -> None:
        history = good()
        del history.events[1]
        assert red(history) == ["I10"]

    def test_a_change_without_an_event(self) -> None:
        history = good()
        history.orders[0] = replace(history.orders[0], version=5)
        assert red(history) == ["I10"]

    def test_an_attempt_that_the_timeline_does_not_know(self) -> None:
        history = good()
        history.attempts.append(AttemptRow(1, 2, "unclear", late=False))
        assert "I10" in red(history)

    def test_an_attempt_with_two_outcomes(self) -> None:
        history = good()
        history.events[-1:] = [
            event(5, "order.unclear", "submitting", "unclear", data={"attempt": 1}),
            event(6, "order.accepted", "unclear", "accepted", data={"attempt": 1}),
        ]
        history.orders[0] = replace(history.orders[0], version=5)
        assert red(history) == ["I10"]

    def test_an_act_of_staff_without_its_event(self) -> None:
        history = good()
        history.acts = [Act("seen", INVOICE, 150.0, 150.1, 200, "It is put away.", good=True)]
        assert red(history) == ["I10"]

    def test_an_act_whose_answer_was_lost_may_have_its_event(self) -> None:
        history = good()
        history.acts = [Act("seen", INVOICE, 150.0, 160.0, 0)]
        assert red(history) == []


class TestI11:
    def test_a_secret_that_was_found(self) -> None:
        history = good()
        history.leaks = ["qworker1.log holds a secret"]
        assert red(history) == ["I11"]

    def test_a_redirect_that_was_followed(self) -> None:
        history = good()
        history.gateway.append(GatewayCall(9, 120.0, "other", ACCOUNT, (), "unknown"))
        assert red(history) == ["I11"]

    @pytest.mark.parametrize("before", ["", "x", "xy", "user:"])
    def test_a_secret_is_found_inside_base64(self, before: str) -> None:
        secret = plan.canary(1, "password")
        text = collect.base64.b64encode(f"{before}{secret} and more".encode()).decode()
        assert any(form in text for form in collect.spellings_of(secret))

    def test_a_secret_is_found_url_encoded(self) -> None:
        secret = plan.canary(1, "password")
        text = "password=canary+password%2F"
        assert any(form.startswith(text[9:]) for form in collect.spellings_of(secret))


class TestI12:
    def test_a_foreign_row(self) -> None:
        history = good()
        history.peeks.append(Peek("/admin/orders/order/", 160.0, 200, "B-1-S12"))
        assert red(history) == ["I12"]

    def test_no_page_at_all_proves_nothing(self) -> None:
        history = good()
        history.peeks = []
        assert red(history) == ["I12"]


class TestI13:
    def test_a_slow_answer(self) -> None:
        history = good()
        history.sent[0] = sent(seconds=1.2)
        assert red(history) == ["I13"]

    @pytest.mark.parametrize("status", [500, 503, 0])
    def test_no_good_answer_while_all_was_up(self, status: int) -> None:
        history = good()
        history.sent.insert(0, sent(status=status, outcome="", invoices=()))
        assert red(history) == ["I13"]
        history.kills = [Kill("web", 99.5, 99.5)]
        assert red(history) == []


class TestI14:
    def test_too_many_attempts_for_one_order(self) -> None:
        history = good()
        history.orders *= 8
        history.attempts *= 7
        assert "I14" in red(history)

    def test_too_many_attempts_over_all(self) -> None:
        history = good()
        history.attempts *= 2
        assert "I14" in red(history)


class TestI15:
    def test_a_desk_that_does_not_drain(self) -> None:
        history = good()
        history.drained = 0.0
        assert red(history) == ["I15"]

    def test_a_desk_that_drains_too_late(self) -> None:
        history = good()
        history.drained = history.quiet + 67.5
        assert red(history) == ["I15"]


class TestThePlan:
    def test_it_is_the_same_for_the_same_seed(self) -> None:
        first, second = (plan.deliveries(7, 50) for _ in range(2))
        assert [(one.kind, one.webhook_id) for one in first] == [
            (one.kind, one.webhook_id) for one in second
        ]

    def test_every_order_comes_and_some_come_again(self) -> None:
        planned = [one for one in plan.deliveries(7, 400) if one.kind == ORDER]
        assert len({one.shop_order_id for one in planned}) == 400
        assert 1.2 < len(planned) / 400 < 1.4
        assert len({one.webhook_id for one in planned}) < len(planned)


class TestThePackage:
    def test_every_mutant_names_invariants_that_there_are(self) -> None:
        known = {one.id for one in INVARIANTS}
        assert "".join(MUTANTS) == "abcdefgh"
        assert all(mutant.red and set(mutant.red) <= known for mutant in MUTANTS.values())

    def test_nothing_of_production_imports_it(self) -> None:
        root = Path(__file__).resolve().parent.parent
        own = {*root.glob("orders/chaos/*.py"), root / "orders/management/commands/chaos.py"}
        own |= set(root.glob("orders/bench/*.py"))  # measures with the same processes
        files = {
            path
            for name in ("fulfillment", "products", "orders")
            for path in root.glob(f"{name}/**/*.py")
        }
        guilty = [
            path.name
            for path in files - own
            if "from orders.chaos" in (text := path.read_text()) or "import orders.chaos" in text
        ]
        assert guilty == []


def slow() -> History:
    """A good run on a slow machine: late answers, a lost order noticed late, drained late."""
    history = good()
    history.sent = [replace(sent, seconds=2.0) for sent in history.sent]
    history.drained = history.quiet + 600
    history.samples.append(Sample(130.0, {}, 20.0))
    return history


def test_an_untimed_run_does_not_judge_speed() -> None:
    assert failed(check(slow(), untimed=True)) == []


def test_an_untimed_run_has_to_notice_a_lost_order_at_last() -> None:
    history = slow()
    history.samples.append(Sample(131.0, {}, 31.0))
    assert failed(check(history, untimed=True)) == ["I6"]


def test_control_a_timed_run_judges_it() -> None:
    assert failed(check(slow())) == ["I6", "I13", "I15"]


def test_an_untimed_run_has_to_answer_and_to_finish_all_the_same() -> None:
    history = slow()
    history.drained = 0.0
    history.sent = [replace(sent, status=500) for sent in history.sent]
    assert set(failed(check(history, untimed=True))) >= {"I13", "I15"}
