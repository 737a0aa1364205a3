"""A secret prints as stars and refuses to travel; the gateway's password leaves in one place."""

import copy
import html
import io
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass
from urllib.parse import quote, quote_plus

import pytest

from orders.trepstar.client import Gateway, Login, Reply, clean_of
from orders.trepstar.errors import GatewayError, Refused
from products.secret import Secret
from tests.test_client import FIELDS, Server, drip, page, raw

PLAIN = "correct horse"
SECRET = Secret(PLAIN)


@dataclass
class Holder:
    email: str
    password: Secret


def test_reveal_returns_the_text():
    assert SECRET.reveal() == "correct horse"


@pytest.mark.parametrize(
    "shown",
    [
        str(SECRET),
        repr(SECRET),
        f"{SECRET}",
        f"{SECRET:}",
        f"{SECRET:>3}",
        f"{SECRET:d}",
        f"{SECRET!s}",
        f"{SECRET!r}",
        f"{SECRET!a}",
        "%s" % SECRET,  # noqa: UP031 - log records are formatted this way
        "%r" % SECRET,  # noqa: UP031
        "{}".format(SECRET),  # noqa: UP032
    ],
)
def test_every_way_of_printing_gives_stars(shown):
    assert shown == "***"


def test_containers_and_dataclasses_print_stars():
    assert repr([SECRET]) == "[***]"
    assert repr({"password": SECRET}) == "{'password': ***}"
    assert repr(Holder("desk@example.com", SECRET)).endswith(
        "Holder(email='desk@example.com', password=***)"
    )


def test_a_log_line_shows_stars():
    stream = io.StringIO()
    logger = logging.getLogger("test_secret")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("password is %s", SECRET)
    assert stream.getvalue() == "password is ***\n"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused_with_a_sentence(protocol):
    with pytest.raises(TypeError) as refusal:
        pickle.dumps({"password": SECRET}, protocol)
    assert str(refusal.value) == (
        "A secret cannot be pickled or copied; pass the id of its owner instead."
    )


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copying_is_refused(copied):
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copied(SECRET)


def test_a_dataclass_that_holds_it_cannot_become_a_dict():
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        asdict(Holder("desk@example.com", SECRET))


@pytest.mark.parametrize(
    "travel",
    [
        lambda: json.dumps({"password": SECRET}),
        lambda: list(SECRET),
        lambda: len(SECRET),
        lambda: bytes(SECRET),
        lambda: "user:" + SECRET,
        lambda: "".join([SECRET]),
        lambda: SECRET[0],
        lambda: {SECRET},
        lambda: vars(SECRET),
    ],
    ids=["json", "iterate", "len", "bytes", "add", "join", "index", "hash", "vars"],
)
def test_it_refuses_to_be_used_as_a_text(travel):
    with pytest.raises(TypeError) as refusal:
        travel()
    assert PLAIN not in str(refusal.value)


def test_it_takes_no_other_attribute():
    with pytest.raises(AttributeError):
        SECRET.copy_of_text = PLAIN


@pytest.mark.parametrize(("text", "truth"), [("", False), (" ", True), ("0", True)])
def test_only_a_blank_secret_is_false(text, truth):
    assert bool(Secret(text)) is truth


def test_secrets_are_equal_when_their_texts_are():
    assert Secret("ä") == Secret("ä")
    assert Secret("ä") != Secret("a")
    assert Secret("") == Secret("")


@pytest.mark.parametrize("other", [PLAIN, PLAIN.encode(), None, "***"])
def test_a_secret_is_never_equal_to_anything_but_a_secret(other):
    assert other != SECRET
    assert not other == SECRET  # noqa: SIM201 - the reflected comparison is what is tested


PASSWORD = "pä ss+w'o&r<d>/1.2-3"
LOGIN = Login("desk@example.com", Secret(PASSWORD))

# The document's own example writes a full stop as %2E and a hyphen as %2D, as classic ASP does.
ASP = "p%E4+ss%2Bw%27o%26r%3Cd%3E%2F1%2E2%2D3"
ECHOES = {
    "plain": PASSWORD,
    "path": quote(PASSWORD),
    "quoted": quote(PASSWORD, safe=""),
    "form": quote_plus(PASSWORD),
    "form in windows-1252": quote_plus(PASSWORD, encoding="cp1252"),
    "small hexadecimals": quote_plus(PASSWORD).replace("%C3%A4", "%c3%a4"),
    "classic ASP": ASP,
    "escaped": html.escape(PASSWORD),
    "escaped without quotes": html.escape(PASSWORD, quote=False),
    "escaped by classic ASP": "p&#228; ss+w&#39;o&amp;r&lt;d&gt;/1.2-3",
    "named entities": "p&auml; ss+w&apos;o&amp;r&lt;d&gt;/1.2-3",
    "misread UTF-8": PASSWORD.encode().decode("cp1252"),
}
PAGES = {
    "refused": "{0} [ERRORMSGBEGIN] ERRCODE#000601 [FAILURE] Not {0}! [ERRORMSGEND]",
    "refused without a block": "[FAILURE] Not {}!",
    "unclear": "<html>{}</html>",
    "not 200": "<html>{}</html>",
}


def told_by(error: BaseException) -> str:
    """Return what logs show of an error and of those behind it."""
    told = "".join(traceback.format_exception(error)) + str(vars(error))
    while error is not None:
        told += str(error) + repr(error)
        error = error.__cause__ or error.__context__
    return told


def shown_by(error: BaseException) -> str:
    """Return what an error report shows beside it: the variables of the client's frames."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    return str([frame.locals for frame in trace.stack if "trepstar" in frame.filename])


def assert_silent(told: str) -> None:
    assert [name for name, echo in ECHOES.items() if echo in told or repr(echo)[1:-1] in told] == []


def answered(page_: str, status: str = "200 OK") -> tuple[Reply | None, GatewayError | None]:
    with Server(page(page_.encode(), status)) as server:
        try:
            return Gateway(server.url, seconds=5).submit(FIELDS, LOGIN), None
        except GatewayError as error:
            return None, error


@pytest.mark.parametrize("shape", PAGES)
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_an_error_does_not_spread_the_password_that_its_page_echoes(echo, shape):
    _, error = answered(PAGES[shape].format(echo), "500 Oops" if shape == "not 200" else "200 OK")
    assert_silent(told_by(error))
    assert "***" in error.excerpt
    if isinstance(error, Refused):
        assert error.text == str(error) == "Not ***!"


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_an_excerpt_does_not_spread_the_password_that_its_page_echoes(echo):
    reply, _ = answered(f"{echo} [SUCCESS]")
    assert reply.excerpt == "*** [SUCCESS]"
    assert_silent(repr(reply))


@pytest.mark.parametrize("shape", PAGES)
def test_no_frame_of_a_refused_call_holds_the_password(shape):
    _, error = answered(PAGES[shape].format(PASSWORD))
    assert_silent(shown_by(error))


FAILING = {
    "cut": raw(),
    "nonsense": raw(b"nonsense\r\n\r\n"),
    "drip": drip(b"HTTP/1.1 200 OK\r\n\r\n"),
    "short": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
}


@pytest.mark.parametrize("seen", [told_by, shown_by])
@pytest.mark.parametrize("answer", FAILING.values(), ids=FAILING)
def test_a_call_that_fails_does_not_tell_the_password(answer, seen):
    with Server(answer) as server, pytest.raises(GatewayError) as caught:
        Gateway(server.url, seconds=0.3).submit(FIELDS, LOGIN)
    assert_silent(seen(caught.value))


@pytest.mark.parametrize("seen", [told_by, shown_by])
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://trepstar.invalid", "http://[", "x"])
def test_a_call_that_reaches_nobody_does_not_tell_the_password(url, seen):
    with pytest.raises(GatewayError) as caught:
        Gateway(url, seconds=5).submit(FIELDS, LOGIN)
    assert_silent(seen(caught.value))


@pytest.mark.parametrize("password", [PASSWORD + "ł", PASSWORD + "\ud800"])
def test_a_password_that_the_charset_cannot_hold_is_not_told_and_nothing_is_sent(password):
    login = Login("desk@example.com", Secret(password), "windows-1252")
    with Server(page(b"[SUCCESS]")) as server, pytest.raises(ValueError) as caught:
        Gateway(server.url, seconds=5).submit(FIELDS, login)
    assert server.connections == 0
    assert_silent(told_by(caught.value))


def test_the_password_leaves_in_the_body_of_the_post_and_nowhere_else():
    with Server(page(b"[SUCCESS]")) as server:
        Gateway(server.url, seconds=5).submit(FIELDS, LOGIN)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert_silent(head.decode())
    assert body.count(quote_plus(PASSWORD).encode()) == 1


@pytest.mark.parametrize(
    ("text", "secret", "cleaned"),
    [
        ("a.b and a%2Eb and aXb", "a.b", "*** and *** and aXb"),
        ("user pass", "", "user pass"),
        ("passpass PASS", "pass", "****** PASS"),
        (r"a\b(c", r"\b(", "a***c"),
    ],
)
def test_cleaning_takes_the_text_literally(text, secret, cleaned):
    assert clean_of(text, Secret(secret)) == cleaned
