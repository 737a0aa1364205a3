"""From a file to orders: the draft, the check, the confirmation, and the worker's part."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orders.lifecycle import NotNow
from orders.models import ColumnMapping, ImportFile, Job, JobRow, Order, Store
from orders.spreadsheet import importing
from orders.spreadsheet.columns import LINES, Plan, guess
from orders.spreadsheet.importing import TakenBefore
from orders.spreadsheet.limits import Unreadable
from tests import admin_cast as cast
from tests import base
from tests.spreadsheet_cast import (
    BAD_ROWS,
    FORM,
    Desk,
    csv_of,
    five_hundred,
    form_csv,
    form_row,
    read_rows,
    sample,
    state,
    work,
    xlsx_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Desk:
    return Desk()


def test_of_500_orders_with_7_bad_ones_493_are_made_once(north: Desk) -> None:
    file = north.check(five_hundred())
    assert (file.report["good"], file.report["bad"], file.report["pieces"]) == (493, 7, 493)
    assert [one["text"] for one in file.report["problems"]] == [t for _, t in BAD_ROWS.values()]
    assert Order.objects.count() == 0
    job = north.confirm(file, leave_out=True)
    assert (job.kind, job.publisher, job.created_by) == ("import", north.publisher, north.user)
    assert (job.state, job.total, job.rows.count()) == ("waiting", 0, 0)
    assert Order.objects.count() == 0
    for _ in range(2):
        work()
        job.refresh_from_db()
        assert (job.state, job.done, job.refused) == ("done", 493, 0)
        assert Order.objects.count() == 493
    left_out = {f"NL-{row - 1:05}" for row in BAD_ROWS}
    assert not left_out & set(Order.objects.values_list("invoice", flat=True))
    assert set(Order.objects.values_list("source", "status")) == {("csv", "ready")}
    assert JobRow.objects.exclude(data={}).count() == 0


def test_an_order_is_made_as_its_row_says(north: Desk) -> None:
    row = form_row(1, Quantity=3, ProductPrice="12.50", State="Maine")
    header = (*FORM, "Order No", "MailMethod", "SpecialText", "Company")
    extra = {"Order No": "#77", "MailMethod": "priority", "SpecialText": "Hi", "Company": "Ciné"}
    north.import_all(csv_of([{**row, **extra}], header))
    order = Order.objects.get()
    assert (order.publisher, order.source, order.status, order.mode) == (
        north.publisher,
        "csv",
        "ready",
        "prod",
    )
    assert (order.invoice, order.reference, order.email) == ("NL-00001", "#77", "ana1@example.com")
    assert (order.mail_method, order.price, order.special_text) == (
        "priority",
        Decimal("12.50"),
        "Hi",
    )
    assert (order.name, order.company, order.address) == (
        "Ana Peña 1",
        "Ciné",
        "1 Harbour Street, Apt 3",
    )
    assert (order.city, order.state, order.zip, order.country) == ("Portland", "ME", "04101", "US")
    assert [(li.product, li.quantity, li.sku) for li in order.lines.all()] == [
        (north.film, 3, "VTD234-100")
    ]
    event = order.events.get()
    assert (event.kind, event.actor_kind, event.actor_user) == (
        "order.placed",
        "person",
        north.user,
    )
    made = JobRow.objects.get()
    assert (made.label, made.order, made.text, made.state) == (
        "Row 2, NL-00001",
        order,
        "NL-00001 was made.",
        "done",
    )


def test_shopifys_export_becomes_orders(north: Desk) -> None:
    base.store(
        north.publisher,
        mail_rules=[{"match": "express", "where": "any", "method": "express"}],
    )
    alias = north.film.aliases.create(publisher=north.publisher, sku="MUG-BLUE")
    alias.product = None
    alias.save()
    file = north.check(sample("shopify-orders.csv"))
    assert (file.report["good"], file.report["bad"], file.report["pieces"]) == (2, 1, 4)
    assert file.report["left_out"] == {
        "Nothing in it is ours to make.": 1,
        "The shop cancelled it.": 1,
        "Its payment is refunded.": 1,
    }
    assert [one["text"] for one in file.report["problems"]] == [
        "Row 9, column “Lineitem sku”: “VTD-UNKNOWN” is no SKU or project id of Northlight Films. "
        "Correct it, or add it under SKUs."
    ]
    north.confirm(file, leave_out=True)
    work()
    first, second = Order.objects.order_by("pk")
    assert (first.invoice, first.reference, first.pieces()) == ("NORTH-M1", "#1001", 3)
    assert (second.invoice, second.reference, second.mail_method) == (
        "NORTH-M2",
        "#1002",
        "express",
    )
    assert (second.state, second.country, second.name) == ("QC", "CA", 'Jo "JJ" Tremblay')


def test_a_workbook_is_imported_like_a_text_file(north: Desk) -> None:
    rows = [FORM, *([form_row(n)[name] for name in FORM] for n in (1, 2))]
    north.import_all(xlsx_of(rows))
    assert sorted(Order.objects.values_list("invoice", flat=True)) == ["NL-00001", "NL-00002"]


def test_more_than_a_box_holds_is_split(north: Desk) -> None:
    file = north.check(form_csv({"Quantity": 300}))
    assert (file.report["good"], file.report["pieces"], file.report["boxes"]) == (1, 300, 2)
    north.confirm(file)
    work()
    assert [(o.invoice, o.pieces()) for o in Order.objects.order_by("pk")] == [
        ("NL-00001-P1", 250),
        ("NL-00001-P2", 50),
    ]
    assert JobRow.objects.get().text == "NL-00001-P1, NL-00001-P2 was made."


# What would be held


def test_orders_that_will_be_held_are_counted_by_reason(north: Desk) -> None:
    north.publisher.charset = "windows-1252"
    north.publisher.save()
    header = (*FORM, "SpecialText")
    rows = [
        {**form_row(1), "SpecialText": ""},
        {**form_row(2), "SpecialText": "<b>Hi</b>"},
        {**form_row(3), "SpecialText": "日本"},
    ]
    job = north.import_all(csv_of(rows, header))
    assert ImportFile.objects.get().report["held"] == {"preflight": 2}
    assert job.done == 3
    assert sorted(Order.objects.values_list("status", "hold_reason")) == [
        ("held", "preflight"),
        ("held", "preflight"),
        ("ready", ""),
    ]
    assert JobRow.objects.get(number=2).text == "NL-00002 was made and is held (preflight)."


def test_a_publisher_that_holds_new_orders_holds_these_too() -> None:
    north = Desk(auto_submit=False)
    file = north.check(form_csv({}, {}))
    assert file.report["held"] == {"policy": 2}
    assert file.report["orders"][0]["held"] == "This publisher's new orders wait for a release."
    north.confirm(file)
    work()
    assert set(Order.objects.values_list("status", "hold_reason")) == {("held", "policy")}


# The file as a whole


def test_the_same_file_is_taken_once_for_each_publisher(north: Desk) -> None:
    file = north.take(form_csv({}))
    with pytest.raises(TakenBefore) as told:
        north.take(form_csv({}), name="renamed.csv")
    assert told.value.file == file
    north.confirm(importing.check(file.pk, guess(FORM)))
    with pytest.raises(TakenBefore):
        north.take(form_csv({}))
    assert ImportFile.objects.count() == 1
    south = base.southwind()
    assert importing.take(south, "x", [form_csv({})], user=north.user).publisher == south


def test_a_file_of_more_than_50_megabytes_is_refused_while_it_comes(north: Desk) -> None:
    def chunks() -> Any:
        yield b"Name\n"
        for _ in range(10_000):
            yield b"a\n" * 500_000
        raise AssertionError("it was read to the end")

    with pytest.raises(Unreadable, match=r"^The file has more than 50 MB\. Split it and import"):
        importing.take(north.publisher, "x", chunks(), user=north.user)
    assert ImportFile.objects.count() == 0


def test_what_is_no_spreadsheet_is_not_kept(north: Desk) -> None:
    with pytest.raises(Unreadable):
        north.take(b"\0\0")
    assert ImportFile.objects.count() == 0


def test_a_file_that_breaks_off_leaves_the_draft_as_it_was(north: Desk) -> None:
    file = north.take(form_csv({}) + b'"never closed\n')
    with pytest.raises(Unreadable, match="^Row 3 cannot be read"):
        importing.check(file.pk, guess(FORM))
    file.refresh_from_db()
    assert (file.version, file.report) == (0, {})
    assert ColumnMapping.objects.count() == 0


def test_a_name_with_nul_and_surrogates_is_cleaned(north: Desk) -> None:
    assert north.take(form_csv({}), name="a\x00b\n.csv").name == "a b .csv"


def test_the_columns_that_were_chosen_are_remembered(north: Desk) -> None:
    header = ("What", "Who", "Where", "Town", "St", "Post")
    plan = Plan({"product": 0, "name": 1, "address": 2, "city": 3, "state": 4, "zip": 5})
    rows = [
        dict(zip(header, ("66750", "Ana", "1 Main St", "Portland", "ME", "04101"), strict=True))
    ]
    first = north.check(csv_of(rows, header), plan)
    assert first.report["good"] == 1
    rows[0]["Who"] = "Bo"
    assert north.take(csv_of(rows, header)).plan == plan.as_json()
    south = base.southwind()
    other = importing.take(south, "x", [csv_of(rows, header)], user=None)
    assert other.plan["columns"] == {"city": 3, "state": 4}


def test_columns_that_are_missing_are_asked_for_and_nothing_is_checked(north: Desk) -> None:
    file = north.take(form_csv({}))
    with pytest.raises(NotNow, match=r"^Say which column holds the product\. Say which column"):
        importing.check(file.pk, Plan({}))
    file.refresh_from_db()
    assert file.version == 0


# The confirmation


def test_bad_rows_are_left_out_only_where_one_says_so(north: Desk) -> None:
    file = north.check(form_csv({}, {"ProductID": "x"}))
    before = state()
    with pytest.raises(NotNow, match=r"^Bad rows are left out only if you say so\."):
        north.confirm(file)
    assert state() == before
    assert read_rows(north.confirm(file, leave_out=True)).total == 1


def test_a_result_that_was_not_seen_is_not_confirmed(north: Desk) -> None:
    file = north.check(form_csv({}))
    importing.check(file.pk, guess(FORM))
    before = state()
    with pytest.raises(NotNow, match="^The file was checked anew meanwhile"):
        north.confirm(file)
    assert state() == before


def test_a_file_that_was_never_checked_is_not_confirmed(north: Desk) -> None:
    file = north.take(form_csv({}))
    with pytest.raises(NotNow):
        north.confirm(file)
    assert Job.objects.count() == 0


def test_where_something_changed_since_the_check_nothing_is_made(north: Desk) -> None:
    file = north.check(form_csv({}, {}))
    job = north.confirm(file)
    base.place(north.publisher, (north.film, 1), invoice="NL-00002")
    before = list(Order.objects.values())
    work()
    job.refresh_from_db()
    assert (job.state, job.total, job.rows.count()) == ("stopped", 0, 0)
    assert job.params["told"] == (
        "What the desk knows has changed since the file was checked, so nothing was made. Check it "
        "again, look at the new result, and confirm that."
    )
    assert list(Order.objects.values()) == before
    file.refresh_from_db()
    assert (file.state, file.report, file.version, file.confirmed_at) == ("draft", {}, 2, None)
    with pytest.raises(NotNow, match="^The file was checked anew meanwhile"):
        north.confirm(file)
    file = importing.check(file.pk, guess(FORM))
    assert (file.report["good"], file.report["bad"], file.version) == (1, 1, 3)
    north.confirm(file, leave_out=True)
    work()
    assert [order.invoice for order in Order.objects.order_by("pk")] == ["NL-00002", "NL-00001"]


def test_a_file_without_a_good_order_is_not_confirmed(north: Desk) -> None:
    file = north.check(form_csv({"ProductID": "x"}))
    before = state()
    with pytest.raises(NotNow, match="^There is nothing to do"):
        north.confirm(file, leave_out=True)
    assert state() == before


def test_a_file_is_confirmed_once(north: Desk) -> None:
    file = north.check(form_csv({}))
    north.confirm(file)
    before = state()
    for act in (
        lambda: north.confirm(file),
        lambda: importing.check(file.pk, guess(FORM)),
        lambda: importing.discard(file.pk),
    ):
        with pytest.raises(NotNow, match="^The file was confirmed already"):
            act()
    assert state() == before


def test_a_draft_can_be_discarded_and_taken_anew(north: Desk) -> None:
    file = north.check(form_csv({}))
    importing.discard(file.pk)
    for act in (
        lambda: north.confirm(file),
        lambda: importing.check(file.pk, guess(FORM)),
        lambda: importing.discard(file.pk),
    ):
        with pytest.raises(NotNow, match=r"^The file was discarded\. Import it anew\.$"):
            act()
    assert north.take(form_csv({})).pk != file.pk


def test_the_layout_can_be_chosen(north: Desk) -> None:
    header = (*FORM, "Order No")
    rows = [{**form_row(1), "Order No": "7"}, {**form_row(2, ProductID="66760"), "Order No": "7"}]
    file = north.take(csv_of(rows, header))
    plan = guess(header)
    assert importing.check(file.pk, plan).report["good"] == 1
    checked = importing.check(file.pk, Plan(plan.columns, LINES))
    assert (checked.report["good"], checked.report["bad"]) == (1, 0)
    north.confirm(checked)
    work()
    order = Order.objects.get()
    assert [line.product for line in order.lines.all()] == [north.film, north.other]


def test_a_person_of_another_publisher_sees_no_file(north: Desk) -> None:
    file = north.take(form_csv({}))
    stranger = cast.colleague("bo", base.southwind())
    assert list(ImportFile.objects.for_user(stranger)) == []
    assert list(ImportFile.objects.for_user(north.user)) == [file]
    assert Store.objects.count() == 0
