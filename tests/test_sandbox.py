"""The sandbox keeps every documented rule: what it takes, refuses and remembers."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.trepstar import wire
from orders.trepstar.errors import Refused
from orders.trepstar.sandbox import Sandbox
from tests.sandbox_cast import NOON, SOUTH, Clock, ask, make_sandbox, order_call, take

DAY = 24 * 3600


def refused_code(sandbox: Sandbox, **changes: str | None) -> str:
    """Submit, expect a clean refusal that stores nothing, and return its code."""
    orders = sandbox.orders()
    with pytest.raises(Refused) as refused:
        wire.read_submit_reply(200, take(sandbox, **changes))
    assert sandbox.orders() == orders
    assert sandbox.calls()[-1].verdict == "refused"
    assert sandbox.calls()[-1].code == refused.value.code
    return refused.value.code


def test_an_order_is_accepted_stored_and_logged() -> None:
    sandbox = make_sandbox()
    body = take(sandbox)
    assert body == b"Order 1 for John H. Smith, invoice NORTH-1 was received.\r\n[SUCCESS]\r\n"
    assert sandbox.acceptances() == [("66870", "NORTH-1", "66750")]
    (call,) = sandbox.calls()
    assert (call.id, call.at, call.path, call.method) == (1, NOON, "/custdata.asp", "POST")
    assert (call.kind, call.invoices, call.account) == ("submit", ["NORTH-1"], "66870")
    assert (call.verdict, call.code, call.fault, call.order_id) == ("accepted", "", "", 1)
    assert call.fields["addr"] == "123 Some Street, Apt 123"
    assert "CoLoginPassword" not in call.fields


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "cdbaby"}, "000002"),
        ({"source": None}, "000002"),
        ({"ordermethod": None}, "000503"),
        ({"ordermethod": "cart"}, "000503"),
        ({"CoLoginEmail": None, "CoLoginPassword": None}, "000503"),
        ({"CoLoginPassword": None}, "000601"),
        ({"CoLoginEmail": ""}, "000601"),
        ({"CoLoginPassword": "wrong"}, "000601"),
        ({"CoLoginEmail": SOUTH.email}, "000601"),
        ({"productid": None}, "000101"),
        ({"productid": " "}, "000010"),
        ({"productid": "44100"}, "000505"),
        ({"productid": "66750x1"}, "000505"),
        ({"productid": "Harbour Lights"}, "000505"),
        ({"quantity": "251"}, "003101"),
        ({"productid": "66750x66760", "quantity": "200x51"}, "003101"),
        ({"quantity": "0"}, ""),
        ({"quantity": "two"}, ""),
        ({"quantity": "1x2"}, ""),
        ({"name": ""}, "000013"),
        ({"name": None}, "000013"),
        ({"addr": " "}, ""),
        ({"mode": "live"}, ""),
        ({"typeMailMethod": "pigeon"}, ""),
        ({"Invoice": "N" * 51}, ""),
        ({"SpecialText": "s" * 501}, ""),
    ],
)
def test_every_refusal(changes: dict[str, str | None], code: str) -> None:
    assert refused_code(make_sandbox(), **changes) == code


def test_the_open_places_of_the_texts_are_filled() -> None:
    sandbox = make_sandbox()
    assert b"supplied by you was 'cdbaby'" in take(sandbox, source="cdbaby")
    product = take(sandbox, productid="44100")
    assert b"(44100) is not from this account CompanyID='66870'" in product
    assert b"ParentID of Product='55501'" in product
    many = take(sandbox, productid="66750x66760", quantity="200x51")
    assert b"The quantities you submitted were 200x51 which total 251." in many


def test_checks_come_in_the_documented_order() -> None:
    """Every mistake at once, mended one after the other: the codes follow decision 32."""
    sandbox = make_sandbox()
    take(sandbox)
    wrong: dict[str, str | None] = {
        "source": "x",
        "ordermethod": "x",
        "CoLoginPassword": "x",
        "productid": None,
        "quantity": "251",
        "name": "",
        "addr": "",
    }
    codes = []
    for name in ("source", "ordermethod", "CoLoginPassword"):
        codes.append(refused_code(sandbox, **wrong))
        del wrong[name]
    for productid in (None, "", "44100"):
        codes.append(refused_code(sandbox, **{**wrong, "productid": productid}))
    del wrong["productid"]
    for name in ("quantity", "name", "addr"):
        codes.append(refused_code(sandbox, **wrong))
        del wrong[name]
    codes.append(refused_code(sandbox))
    logins, products = ["000002", "000503", "000601"], ["000101", "000010", "000505"]
    assert codes == [*logins, *products, "003101", "000013", "", "000035"]


def test_the_limits_themselves_are_accepted() -> None:
    sandbox = make_sandbox()
    for number, changes in enumerate(
        [
            {"quantity": "250"},
            {"quantity": None},
            {"productid": "66750x66760x66770", "quantity": "248"},
            {"Invoice": "N" * 50},
            {"SpecialText": "s" * 500},
            {"mode": None, "typeMailMethod": None},
        ]
    ):
        assert wire.SUCCESS.encode() in take(sandbox, **{"Invoice": f"N-{number}", **changes})
    assert [order.quantity for order in sandbox.orders()] == ["250", "1", "248x1x1", "1", "1", "1"]


def test_field_names_are_taken_in_any_case() -> None:
    sandbox = make_sandbox()
    call = order_call()
    shouted = {name.upper(): value for name, value in call.fields.items()}
    body = sandbox.submit(type(call)(path="/CUSTDATA.ASP", method="GET", fields=shouted))
    wire.read_submit_reply(200, body)
    assert sandbox.acceptances() == [("66870", "NORTH-1", "66750")]
    assert sandbox.calls()[0].payload_hash != ""


class TestDuplicates:
    def test_same_invoice_and_product_is_refused(self) -> None:
        sandbox = make_sandbox()
        take(sandbox)
        assert refused_code(sandbox) == "000035"
        assert b"at 11/21/2026 12:00:00 PM will not be filled" in take(sandbox)

    def test_same_invoice_with_another_product_is_accepted(self) -> None:
        sandbox = make_sandbox()
        take(sandbox)
        assert wire.SUCCESS.encode() in take(sandbox, productid="66760")
        assert len(sandbox.orders()) == 2

    def test_one_product_of_several_is_enough(self) -> None:
        sandbox = make_sandbox()
        take(sandbox, productid="66750x66760")
        assert refused_code(sandbox, productid="66760") == "000035"
        assert refused_code(sandbox, productid="66770x66750") == "000035"

    def test_another_account_may_use_the_same_invoice(self) -> None:
        sandbox = make_sandbox()
        take(sandbox)
        theirs = {"CoLoginEmail": SOUTH.email, "CoLoginPassword": "other", "productid": "44100"}
        assert wire.SUCCESS.encode() in take(sandbox, **theirs)

    def test_without_an_invoice_the_email_counts_for_five_days(self) -> None:
        clock = Clock()
        sandbox = make_sandbox(clock=clock)
        take(sandbox)
        assert wire.SUCCESS.encode() in take(sandbox, Invoice="")
        assert refused_code(sandbox, Invoice=None, email="JOHN@example.com") == "000035"
        assert wire.SUCCESS.encode() in take(sandbox, Invoice="", email="ann@example.com")
        assert wire.SUCCESS.encode() in take(sandbox, Invoice="", productid="66760")
        assert wire.SUCCESS.encode() in take(sandbox, Invoice="NORTH-2")
        clock.now = NOON + 5 * DAY - 1
        assert refused_code(sandbox, Invoice="") == "000035"
        clock.now = NOON + 5 * DAY
        assert wire.SUCCESS.encode() in take(sandbox, Invoice="")

    def test_without_invoice_and_email_nothing_is_a_duplicate(self) -> None:
        sandbox = make_sandbox()
        for _ in range(3):
            assert wire.SUCCESS.encode() in take(sandbox, Invoice="", email="")

    def test_a_refused_order_does_not_use_up_its_invoice(self) -> None:
        sandbox = make_sandbox()
        assert refused_code(sandbox, name="") == "000013"
        assert wire.SUCCESS.encode() in take(sandbox)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.sampled_from([("A", "66750"), ("A", "66750x66760"), ("B", "66760")])))
    def test_no_pair_of_invoice_and_product_is_ever_taken_twice(
        self, tried: list[tuple[str, str]]
    ) -> None:
        sandbox = make_sandbox()
        for invoice, productid in tried:
            take(sandbox, Invoice=invoice, productid=productid)
        pairs = [(i, p) for _, i, ids in sandbox.acceptances() for p in ids.split("x")]
        assert len(pairs) == len(set(pairs))
        sandbox.close()


class TestState:
    def test_everything_survives_a_restart(self, tmp_path: Path) -> None:
        state, clock = str(tmp_path / "state.db"), Clock()
        first = make_sandbox(state=state, balance=12, clock=clock)
        take(first)
        ask(first, "NORTH-1")
        before = (first.orders(), first.calls(), first.balance("66870"))
        first.close()
        clock.now += 20
        second = make_sandbox(state=state, balance=500, clock=clock)
        assert (second.orders(), second.calls(), second.balance("66870")) == before
        assert ask(second, "NORTH-1")[0].status == "SHIPPED"
        assert refused_code(second) == "000035"

    def test_an_order_that_cannot_be_logged_is_not_stored(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox = make_sandbox()

        def full(call: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(sandbox._store, "add_call", full)
        with pytest.raises(OSError, match="disk full"):
            take(sandbox)
        assert (sandbox.orders(), sandbox.calls()) == ([], [])
        assert sandbox.balance("66870") == Decimal(100_000)

    def test_the_log_can_be_read_in_parts(self) -> None:
        sandbox = make_sandbox()
        take(sandbox)
        ask(sandbox, "NORTH-1")
        ask(sandbox, "NORTH-1")
        assert [call.id for call in sandbox.calls(since=1)] == [2, 3]
        assert [call.id for call in sandbox.calls("status")] == [2, 3]
        assert [call.id for call in sandbox.calls("submit")] == [1]
        assert [call.id for call in sandbox.calls(newest=1)] == [3]

    def test_the_payload_hash_leaves_the_login_and_the_order_out(self) -> None:
        sandbox = make_sandbox()
        call = order_call()
        sandbox.submit(call)
        backwards = dict(reversed(call.fields.items())) | {"CoLoginPassword": "new"}
        sandbox.submit(type(call)(path=call.path, method="POST", fields=backwards))
        take(sandbox, name="Jon H. Smith")
        first, second, third = (entry.payload_hash for entry in sandbox.calls())
        assert first == second != third
