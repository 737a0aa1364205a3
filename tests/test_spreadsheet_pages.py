"""The pages of an import: who may see and do what, what they say, and that no input breaks them."""

from __future__ import annotations

import logging
import os
from unittest.mock import patch

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fulfillment import uploads
from orders import jobs
from orders.models import ImportFile, Job, Order
from orders.spreadsheet import importing
from orders.spreadsheet.columns import FIELDS
from tests import admin_cast as cast
from tests import base
from tests.spreadsheet_cast import (
    BAD_ROWS,
    FORM,
    START,
    Desk,
    checked,
    chosen,
    confirm,
    csv_of,
    errors,
    five_hundred,
    form_csv,
    form_row,
    paste,
    sample,
    state,
    table,
    upload,
    work,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Desk:
    return Desk()


def test_a_file_goes_through_all_steps(north: Desk) -> None:
    sent = upload(north.client, north.publisher, five_hundred(), "November.csv")
    where = f"{START}{ImportFile.objects.get().pk}/"
    assert (sent.status_code, sent.url) == (302, where)
    page = north.client.get(where)
    assert "Read as text in UTF-8, separated by commas" in cast.html(page)
    assert "CustomerEmail (ana1@example.com)" in cast.html(page)
    result = north.client.post(f"{where}check/", chosen(page), follow=True)
    text = cast.html(result)
    assert "Make 493 orders" in text
    assert "Leave out the 7 bad orders" in text
    assert [one["text"] for one in result.context["report"]["problems"]] == [
        told for _, told in BAD_ROWS.values()
    ]
    assert Order.objects.count() == 0
    assert confirm(north.client, where) == [
        "Bad rows are left out only if you say so. Tick that, or mend the file and import it again."
    ]
    assert Job.objects.count() == 0
    assert confirm(north.client, where, leave_out="on") == ["493 orders were made."]
    assert "<strong>493</strong> of 493 done" in cast.html(north.client.get(where))
    assert "493 of 493 made" in cast.html(north.client.get(START))
    assert Order.objects.count() == 493


def test_a_large_file_is_left_to_a_worker(north: Desk) -> None:
    where = checked(north, csv_of(form_row(n) for n in range(501)))
    assert confirm(north.client, where) == [
        "501 orders are being made now; this page shows how far it is."
    ]
    assert Order.objects.count() == 0
    assert "A worker begins with it in a moment." in cast.html(north.client.get(where))
    assert "being read" in cast.html(north.client.get(START))
    job = Job.objects.get()
    assert jobs._lease(job)
    text = cast.html(north.client.get(where))
    assert "A worker reads the file and checks it once more." in text
    assert f'data-from="/admin/orders/job/{job.pk}/progress/"' in text
    Job.objects.update(lease_until=None)
    work()
    assert "<strong>501</strong> of 501 done" in cast.html(north.client.get(where))
    assert Order.objects.count() == 501


def test_a_small_file_that_a_worker_is_at_is_left_to_it(north: Desk) -> None:
    where = checked(north, form_csv({}))
    with patch.object(jobs, "_lease", return_value=None):
        assert confirm(north.client, where) == [
            "1 order is being made now; this page shows how far it is."
        ]
    assert Order.objects.count() == 0
    work()
    assert Order.objects.count() == 1


def test_a_database_that_falters_leaves_a_small_file_to_a_worker(north: Desk) -> None:
    where = checked(north, form_csv({}))
    logging.disable(logging.CRITICAL)
    with patch.object(importing, "Checker", side_effect=OperationalError("away")):
        assert confirm(north.client, where) == [
            "1 order is being made now; this page shows how far it is."
        ]
    logging.disable(logging.NOTSET)
    assert Order.objects.count() == 0
    Job.objects.update(lease_until=None)
    work()
    assert Order.objects.count() == 1


def test_what_was_refused_is_told_at_once_and_by_row(north: Desk) -> None:
    where = checked(north, form_csv({}, {}))
    real = jobs._read

    def meanwhile(job: Job, stop_at: float) -> bool:
        done = real(job, stop_at)
        base.place(north.publisher, (north.film, 1), invoice="NL-00002")
        return done

    with patch.object(jobs, "_read", meanwhile):
        assert confirm(north.client, where) == ["1 order was made; 1 refused, as their rows say."]
    rows = cast.html(north.client.get(f"/admin/orders/job/{Job.objects.get().pk}/change/"))
    assert "The invoice “NL-00002” was used meanwhile." in rows


def test_a_file_that_is_not_as_it_was_seen_is_a_draft_again_and_says_why(north: Desk) -> None:
    where = checked(north, form_csv({}, {}))
    base.place(north.publisher, (north.film, 1), invoice="NL-00002")
    told = (
        "What the desk knows has changed since the file was checked, so nothing was made. Check it "
        "again, look at the new result, and confirm that."
    )
    assert confirm(north.client, where) == []
    assert Order.objects.count() == 1
    page = north.client.get(where)
    assert told in cast.html(page)
    assert (page.context["file"].state, page.context["report"]) == ("draft", {})
    job = cast.html(north.client.get(f"/admin/orders/job/{Job.objects.get().pk}/change/"))
    assert told in job
    north.client.post(f"{where}check/", chosen(page))
    again = cast.html(north.client.get(where))
    assert told not in again
    assert "Make 1 order" in again


def test_the_same_file_again_is_refused_with_who_and_when(north: Desk) -> None:
    where = checked(north, form_csv({}))
    again = upload(north.client, north.publisher, form_csv({}))
    assert again.url == where
    assert cast.said(north.client.get(where)) == [
        "This file is here already as a draft. Go on with it."
    ]
    confirm(north.client, where)
    file = ImportFile.objects.get()
    before = state()
    assert errors(upload(north.client, north.publisher, form_csv({}), "b.csv")) == [
        f"The same file was imported as “orders.csv” on {file.confirmed_at:%Y-%m-%d %H:%M} by ana, "
        "so it is not taken a second time. To have boxes made again, use Reship on their orders."
    ]
    assert confirm(north.client, where) == [
        "The file was confirmed already, so it is not imported a second time."
    ]
    assert state() == before


def test_cells_can_be_pasted(north: Desk) -> None:
    sent = paste(north.client, north.publisher, sample("trepstar-form.tsv").decode())
    page = north.client.get(sent.url)
    assert "Pasted cells" in cast.html(page)
    assert "separated by tabs" in cast.html(page)
    result = north.client.post(f"{sent.url}check/", chosen(page), follow=True)
    assert (result.context["report"]["good"], result.context["report"]["bad"]) == (3, 0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The file is empty. Its first row must name the columns."),
        (b"\0\0", "This is no spreadsheet. Import a CSV file in UTF-8, or an .xlsx file."),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_not_kept(
    north: Desk, content: bytes, told: str
) -> None:
    assert errors(upload(north.client, north.publisher, content)) == [told]
    assert ImportFile.objects.count() == 0


def test_neither_and_both_of_file_and_cells_are_refused(north: Desk) -> None:
    told = ["Choose a file, or paste cells, and not both."]
    assert errors(paste(north.client, north.publisher, " \n")) == told
    both = {
        "publisher": north.publisher.pk,
        "file": SimpleUploadedFile("x.csv", form_csv({})),
        "cells": "Name",
    }
    assert errors(north.client.post(START, both)) == told
    assert ImportFile.objects.count() == 0


def test_a_file_that_is_too_large_is_stopped_while_it_comes(north: Desk) -> None:
    with patch.object(uploads, "MAX_BYTES", 100_000):
        response = upload(north.client, north.publisher, b"Name\n" + b"a\n" * 200_000)
    assert errors(response) == ["The file has more than 50 MB. Split it and import the parts."]
    assert response.wsgi_request.FILES.get("file") is None
    assert ImportFile.objects.count() == 0


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1_000)
def test_too_many_pasted_cells_are_refused_in_words(north: Desk) -> None:
    response = paste(north.client, north.publisher, "Name\n" + "a\n" * 1_000)
    assert response.status_code == 400
    assert "save them as a CSV or XLSX file and upload that" in cast.html(response)
    assert ImportFile.objects.count() == 0


def test_bad_rows_come_back_as_a_file_that_can_be_mended(north: Desk) -> None:
    where = checked(north, form_csv({}, {"City": "", "LastName": "=1+1"}, {"Quantity": "x"}))
    response = north.client.get(f"{where}bad-rows.csv")
    assert response["Content-Disposition"] == 'attachment; filename="orders-bad-rows.csv"'
    raw = b"".join(response.streaming_content)
    found = table(raw)
    assert found.header == (*FORM, "Desk row", "Desk problem")
    rows = [dict(zip(found.header, row.cells, strict=True)) for row in found.rows()]
    assert [(row["Desk row"], row["LastName"], row["Desk problem"]) for row in rows] == [
        ("3", "'=1+1", "Row 3, column “City”: The city is blank. Enter it."),
        (
            "4",
            "Peña 3",
            "Row 4, column “Quantity”: “x” is no quantity. Write a whole number from 1 to 10,000.",
        ),
    ]
    for row in rows:
        row |= {"City": "Portland", "Quantity": "1"}
    mended = checked(north, csv_of(rows, found.header))
    report = north.client.get(mended).context["report"]
    assert (report["good"], report["bad"]) == (2, 0)
    assert report["orders"][0]["name"] == "Ana =1+1"


def test_the_columns_are_proposed_again_for_the_next_file(north: Desk) -> None:
    where = upload(north.client, north.publisher, form_csv({})).url
    page = north.client.get(where)
    north.client.post(f"{where}check/", {**chosen(page), "company": "8", "layout": "rows"})
    following = upload(north.client, north.publisher, form_csv({"City": "Bath"})).url
    assert chosen(north.client.get(following))["company"] == 8


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"layout": "nonsense"},
        {"layout": "rows", "product": "99"},
        {"layout": "rows", "product": "-1"},
        {"layout": "rows", "product": "x\x00"},
        {"layout": "rows", "product": "0"},
    ],
)
def test_columns_that_make_no_sense_are_refused(north: Desk, posted: dict[str, str]) -> None:
    where = upload(north.client, north.publisher, form_csv({})).url
    response = north.client.post(f"{where}check/", posted, follow=True)
    assert cast.said(response)[0].startswith(("Choose each column", "Say which column"))
    assert ImportFile.objects.get().version == 0


@pytest.mark.parametrize("version", ["", "x", "-1", "²", "9" * 30, "\x00"])
def test_a_version_that_makes_no_sense_confirms_nothing(north: Desk, version: str) -> None:
    where = checked(north, form_csv({}))
    said = confirm(north.client, where, version=version)
    assert said == ["The file was checked anew meanwhile. Look at the result, and confirm again."]
    assert Job.objects.count() == 0


def test_a_draft_is_discarded(north: Desk) -> None:
    where = checked(north, form_csv({}))
    response = north.client.post(f"{where}discard/", follow=True)
    assert cast.said(response) == ["“orders.csv” was discarded; nothing of it was made."]
    assert ImportFile.objects.count() == 0
    assert north.client.get(where).status_code == 404


def test_what_may_be_made_twice_is_warned_of(north: Desk) -> None:
    where = checked(north, form_csv({"Invoice": ""}, {"Invoice": ""}, {}))
    text = cast.html(north.client.get(where))
    assert "2 orders have neither an invoice nor a shop's number" in text
    assert "has a connected shop" not in text
    base.store(north.publisher)
    assert "has a connected shop" in cast.html(north.client.get(where))


def test_the_order_in_the_way_is_linked(north: Desk) -> None:
    order = base.place(north.publisher, (north.film, 1), invoice="NL-00001")
    where = checked(north, form_csv({}))
    assert f'<a href="{cast.page(order)}">See the order</a>' in cast.html(north.client.get(where))


def test_hostile_cells_are_shown_as_text(north: Desk) -> None:
    texts = cast.PAYLOADS
    header = (*FORM, texts[0], texts[1])
    rows = [
        {**form_row(n, LastName=text, City=text, ProductID=p), texts[0]: text, texts[1]: text}
        for n, (text, p) in enumerate(
            [(text, p) for text in texts for p in ("VTD234-100", "<script>alert(1)</script>")], 1
        )
    ]
    where = checked(north, csv_of(rows, header))
    north.client.post(
        f"{where}check/", {**chosen(north.client.get(where)), "company": str(len(FORM))}
    )
    text = cast.html(north.client.get(where))
    for payload in ("<script>alert", "<img src=x", "<svg/onload", "<iframe", "<a href=javascript"):
        assert payload not in text
    assert "&lt;script&gt;alert" in text


def is_file_name(name: str) -> bool:
    return os.path.basename(name) not in ("", ".", "..")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=600), name=st.text(max_size=30).filter(is_file_name))
def test_any_upload_is_answered_with_a_page(north: Desk, content: bytes, name: str) -> None:
    response = upload(north.client, north.publisher, content, name)
    assert response.status_code in (200, 302)
    if response.status_code == 302:
        page = north.client.get(response.url)
        assert page.status_code == 200
        everything = {**dict.fromkeys(FIELDS, "0"), "layout": "lines"}
        north.client.post(f"{response.url}check/", everything)
        assert north.client.get(response.url).status_code == 200
