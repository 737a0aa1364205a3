"""Errors say whether a call may be tried again; refusals carry the gateway document's words."""

import contextlib
import pickle
import socket
import struct
import time

import pytest

from orders.trepstar import errors, wire
from orders.trepstar.errors import REFUSALS, GatewayError, Refused, Unclear, Unreachable
from tests.test_client import (
    HEAD,
    LATE,
    LIMIT,
    PASSWORD_SENT,
    YES,
    Server,
    drip,
    failing,
    page,
    raw,
)
from tests.test_wire import sample

# Typed from the gateway document, "Failure ERRCODEs and FAILURE messages".
DOCUMENT = {
    "000002": (
        "Invalid access or source variable value. If you are attempting to send data for TrepStar "
        "CD/DVD/USB fulfillment service, your GET or POST variables are malformed or you did not "
        "specify the right value for 'source' which should be cdfulfill. The value of source "
        "supplied by you was 'xxxx' .The List(s) at the top of this page shows the only readable "
        "form or querystring variables, we received, if any."
    ),
    "000010": "ProductID was blank",
    "000013": "Name was blank",
    "000035": (
        "This is a duplicate Order. This order, taken by our server at [date/time] will not be "
        "filled because [some reason] Please login to your trepstar.com account, and click the "
        "'reports' button to see the recent list of orders. If you do not see your customer "
        "listed, the order did not go through. To prevent our system from thinking an order is a "
        "duplicate, use a unique email or unique invoice# to prevent duplicate orders."
    ),
    "000101": (
        "prod, productid, and eCommerceList were blank. For integration customers, you need to "
        "specify only the productid field. This should be the numeric value of your TrepStar "
        "project id (login and look for it)"
    ),
    "000503": (
        "http gateway URL Integration Call is Invalid. Source Mode Unknown. You must include your "
        "account email and password which must match your login to www.TrepStar.com. The field "
        "names you must add are CoLoginEmail and CoLoginPassword. Refer to "
        "http://www.trepstar.com/automate-integrate-ordering.asp"
    ),
    "000505": (
        "Your http gateway URL Integration Call has the correct CoLoginEmail and CoLoginPassword, "
        "but the product you are trying to make (xxxyyy) is not from this account CompanyID='yyy' "
        "ParentID of Product='aaabbb'. You can only order for products within your account using "
        "this email and password ."
    ),
    "000601": (
        "Your URL (http gateway) Integration Call does not have the correct CoLoginEmail and "
        "CoLoginPassword. You must provide your current www.trepstar.com login email and password "
        "on the http gateway URL integration call. CoLoginEmail and CoLoginPassword are the field "
        "names you must use. Either you have not specified them, or they are incorrect. Please "
        "refer to http://www.trepstar.com/automate-integrate-ordering.asp for more details."
    ),
    "003101": (
        "The total quantity for this multi product order exceeded the maximum 250. The quantities "
        "you submitted were xxx which total yyy.Please click back, enter smaller quantities, or "
        "submit separate orders. The post office limits us to a total size and weight per package."
    ),
}

OPEN_PLACES = {
    "source": "xxxx",
    "date": "[date/time]",
    "reason": "[some reason]",
    "product": "xxxyyy",
    "company": "yyy",
    "parent": "aaabbb",
    "quantities": "xxx",
    "total": "yyy",
}

KINDS = {
    "000002": "mend",
    "000010": "mend",
    "000013": "mend",
    "000035": "duplicate",
    "000101": "mend",
    "000503": "login",
    "000505": "doubtful",
    "000601": "login",
    "003101": "mend",
}


@pytest.mark.parametrize(("code", "text"), list(DOCUMENT.items()))
def test_each_refusal_has_the_documents_words(code, text):
    assert REFUSALS[code].text.format(**OPEN_PLACES) == text


@pytest.mark.parametrize(("code", "text"), list(DOCUMENT.items()))
def test_each_failure_is_written_as_the_document_shows_it(code, text):
    expected = f"[ERRORMSGBEGIN] ERRCODE#{code} [FAILURE] {text} [ERRORMSGEND]\r\n"
    assert wire.write_failure(code, **OPEN_PLACES) == expected.encode()


def test_there_is_no_other_code():
    assert set(REFUSALS) == set(DOCUMENT)


def test_each_code_has_its_kind():
    assert {code: refusal.kind for code, refusal in REFUSALS.items()} == KINDS
    assert (errors.LOGIN, errors.DUPLICATE, errors.DOUBTFUL, errors.MEND) == (
        "login",
        "duplicate",
        "doubtful",
        "mend",
    )


@pytest.mark.parametrize("refusal", [*REFUSALS.values(), errors.UNKNOWN_REFUSAL])
def test_the_advice_is_whole_sentences(refusal):
    assert refusal.advice[0].isupper()
    assert refusal.advice.endswith(".")


@pytest.mark.parametrize(
    ("kind", "retry"), [(Unreachable, "again"), (Unclear, "ask"), (Refused, "none")]
)
def test_each_error_says_whether_it_may_be_tried_again(kind, retry):
    error = kind("A sentence.")
    assert error.retry == retry
    assert isinstance(error, GatewayError)
    assert (error.text, str(error), error.excerpt) == ("A sentence.", "A sentence.", "")


def test_an_error_without_an_answer_has_no_http_status():
    assert Unreachable("Gone.").http_status is None
    assert Unclear("Gone.").http_status is None
    assert Unclear("Odd.", excerpt="<html>", http_status=500).http_status == 500


def test_a_refusal_came_with_http_200():
    error = Refused("Name was blank", code="000013", excerpt="page")
    assert (error.http_status, error.code, error.excerpt) == (200, "000013", "page")
    assert error.refusal is REFUSALS["000013"]


@pytest.mark.parametrize("code", ["", "004711", "13", "000013 "])
def test_an_unknown_code_is_asked_for_once(code):
    assert Refused("Who knows.", code=code).refusal is errors.UNKNOWN_REFUSAL
    assert errors.UNKNOWN_REFUSAL.kind == "doubtful"


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("Gone."),
        Unclear("Odd.", excerpt="<html>", http_status=500),
        Refused("Name was blank", code="000013", excerpt="page"),
    ],
)
def test_errors_survive_pickling(error):
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert vars(twin) == vars(error)
    assert str(twin) == str(error)


def endless(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[SUCCESS]")
    while True:
        connection.sendall(b"x" * 65536)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silence(connection):
    time.sleep(3 * LIMIT)


BROKE = "The connection broke before TrepStar's answer was whole"
NEITHER = "TrepStar's answer says neither yes nor no."
NO_DOOR = "TrepStar could not be reached ({}); nothing was sent."

UNCLEAR = {
    "nothing at all": (raw(), f"{BROKE} (ConnectionError)."),
    "a reset": (reset, f"{BROKE} (ConnectionError)."),
    "no http": (raw(b"[SUCCESS]\r\n\r\n"), f"{BROKE} (ConnectionError)."),
    "half a header": (raw(HEAD + b"Content-Le"), NEITHER),
    "a short body": (
        raw(HEAD + b"Content-Length: 99\r\n\r\n" + YES),
        f"{BROKE} (ChunkedEncodingError).",
    ),
    "a short chunk": (
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + YES),
        f"{BROKE} (ChunkedEncodingError).",
    ),
    "a bad gzip": (
        raw(HEAD + b"Content-Encoding: gzip\r\n\r\n" + YES),
        f"{BROKE} (ContentDecodingError).",
    ),
    "a cut before the marker": (raw(HEAD + b"\r\n<html>[SUCC"), NEITHER),
    "an empty page": (page(b""), NEITHER),
    "a maintenance page": (page(sample("maintenance.html")), NEITHER),
    "silence": (silence, LATE),
    "a drip of header bytes": (drip(HEAD + b"X-Slow: "), LATE),
    "a drip of the status line": (drip(b"HTTP"), LATE),
    "a drip after the marker": (drip(HEAD + b"\r\n" + YES), LATE),
    "a drip of a chunk": (drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + YES), LATE),
    "an endless body": (endless, "TrepStar's answer is far longer than an answer needs."),
}


@pytest.mark.parametrize(("answer", "text"), UNCLEAR.values(), ids=UNCLEAR)
def test_a_call_is_unclear_after(answer, text):
    with Server(answer) as server:
        assert failing(server.url, Unclear).text == text
    assert (server.connections, len(server.requests)) == (1, 1)


def test_nothing_was_sent_to_a_refused_connection():
    with Server(page(YES)) as server:
        pass
    assert failing(server.url, Unreachable).text == NO_DOOR.format("ConnectionError")


def test_nothing_was_sent_to_a_name_that_does_not_exist():
    error = failing("https://trepstar.invalid", Unreachable, seconds=5)
    assert (error.text, error.http_status) == (NO_DOOR.format("ConnectionError"), None)


def test_nothing_was_sent_to_a_host_that_never_answers_the_knock():
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(3):
            knock = stack.enter_context(socket.socket())
            knock.setblocking(False)
            knock.connect_ex(full.getsockname())
        error = failing(f"http://127.0.0.1:{full.getsockname()[1]}", Unreachable)
    assert error.text == NO_DOOR.format("ConnectTimeout")


@pytest.mark.parametrize("answer", [silence, page(YES)])
def test_nothing_was_sent_to_a_plain_server_behind_https(answer):
    with Server(answer) as server:
        failing(server.url.replace("http", "https"), Unreachable)
        assert not any(PASSWORD_SENT in request for request in server.requests)


def test_nothing_is_sent_once_the_time_ran_out_before_the_connection_stood(monkeypatch):
    lookup = socket.getaddrinfo

    def slow(*args, **kwargs):
        time.sleep(2 * LIMIT)
        return lookup(*args, **kwargs)

    with Server(page(YES)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        failing(server.url, Unreachable)
        assert server.requests == []
