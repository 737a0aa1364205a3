"""What provision refuses, and the command around it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from orders.provision import ProvisionError, provision
from tests.test_provision import FILM, NORTH, SHOP, everything, north, publishers

pytestmark = pytest.mark.django_db


WRONG = [
    ([], "The document must be an object."),
    ({"publisher": []}, "In the document, these keys are not known: publisher."),
    ({"publishers": {}}, "In the document, publishers must be a list."),
    ({"publishers": ["x"]}, "Publisher x must be an object."),
    (north(colour="red"), "In publisher 66870, these keys are not known: colour."),
    (publishers({"name": "x"}), "In publisher None, publisher_id must be given as text."),
    (publishers({"publisher_id": 66870}), "publisher_id must be given as text."),
    (north(mode="live"), "In publisher 66870: mode: Value 'live' is not a valid choice."),
    (north(login_password={"env": "NOT_THERE"}), "the environment has no NOT_THERE."),
    (north(login_password={"env": 1}), 'a secret must be a text or {"env": "NAME"}.'),
    (north(login_password=""), 'a secret must be a text or {"env": "NAME"}.'),
    (north(login_email="nobody"), "login_email: Enter a valid email address."),
    (north(login_email=None), "login_email"),
    (north(login_email=5), "login_email"),
    (north(name=None), "name: This field cannot be null."),
    (north(auto_submit="perhaps"), "auto_submit"),
    (north(status_calls_per_day=0), "status_calls_per_day"),
    (north(products={}), "In publisher 66870, products must be a list."),
    (north(products=[{**FILM, "colour": 1}]), "In product 66750, these keys are not known"),
    (north(products=[{**FILM, "project_id": "x"}]), "In product x: project_id: Enter digits"),
    (north(products=[{**FILM, "price": "much"}]), "the price must be an amount such as 19.00."),
    (north(products=[{**FILM, "price": "NaN"}]), "In product 66750"),
    (north(products=[{**FILM, "price": "-1"}]), "In product 66750: price"),
    (north(products=[{**FILM, "ecommerce_id_string": "{A}{B"}]), "ecommerce_id_string"),
    (north(products=[FILM, {**FILM, "project_id": "2"}]), "SKU VTD234-100 already belongs to"),
    (north(not_ours=["VTD234-100"]), "SKU VTD234-100 already belongs to"),
    (north(not_ours=[5]), "In publisher 66870, not_ours must be a list of SKUs."),
    (north(not_ours="TSHIRT"), "In publisher 66870, not_ours must be a list."),
    (north(stores=[{**SHOP, "domain": "x.example"}]), "In store x.example: domain"),
    (north(stores=[{**SHOP, "create_on": ["orders/never"]}]), "create_on: Choose among"),
    (north(stores=[{**SHOP, "mail_rules": [{"match": "x"}]}]), "mail_rules: Each rule looks like"),
    (north(stores=[{**SHOP, "webhook_secrets": "one"}]), "webhook_secrets must be a list."),
    (
        publishers(NORTH, {**NORTH, "publisher_id": "2", "invoice_prefix": "N2"}),
        "Another publisher uses this TrepStar login.",
    ),
]


@pytest.mark.parametrize(("document", "sentence"), WRONG, ids=[text[-44:] for _, text in WRONG])
def test_a_wrong_document_is_refused_with_a_sentence_and_nothing_changed(
    document: Any, sentence: str
) -> None:
    provision(publishers({**NORTH, "publisher_id": "1", "login_email": "a@example.com"}))
    before = everything()
    with pytest.raises(ProvisionError) as caught:
        provision(document)
    assert sentence in str(caught.value)
    assert "pass" not in str(caught.value).replace("password", "")
    assert everything() == before


# The command


def run(*args: Any, stdin: str | None = None, monkeypatch: Any = None) -> str:
    out = io.StringIO()
    if stdin is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    call_command("provision", *args, stdout=out)
    return out.getvalue()


def test_the_command_reads_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "desk.json"
    file.write_text(json.dumps(publishers()), encoding="utf-8")
    assert run(str(file)).splitlines()[0] == "made publisher 66870"
    again = run("-", stdin=json.dumps(publishers()), monkeypatch=monkeypatch)
    assert again.splitlines()[0] == "unchanged publisher 66870"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'{"publishers": [', "The file is not JSON: "),
        (b"\xff\xfe\x00", "The file is not JSON: "),
        (None, "The file cannot be read: No such file or directory."),
        (json.dumps(north(mode="x")).encode(), "Nothing was changed."),
    ],
)
def test_the_command_ends_with_one_sentence_where_the_file_is_of_no_use(
    tmp_path: Path, text: bytes | None, sentence: str
) -> None:
    file = tmp_path / "desk.json"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(CommandError) as caught:
        run(str(file))
    assert sentence in str(caught.value)
    assert everything() == []
