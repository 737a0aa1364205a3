"""The HTTP client against real sockets on the loopback: every way in which a call can go wrong."""

import contextlib
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from orders.trepstar import wire
from orders.trepstar.client import Gateway, Login
from orders.trepstar.errors import GatewayError, Refused, Unclear, Unreachable
from products.secret import Secret
from tests.test_status_xml import INVOICES
from tests.test_wire import FULL, FULL_BODY, sample

PASSWORD = "s3cret+&%pass"
PASSWORD_SENT = b"s3cret%2B%26%25pass"
LOGIN = Login("desk@example.com", Secret(PASSWORD))
FIELDS = wire.submit_fields(FULL)
LIMIT = 0.5


class Server:
    """Reads one whole request per connection and lets ``answer(connection)`` do the rest."""

    def __init__(self, answer, *, tls=None):
        self.answer, self.tls = answer, tls
        self.requests = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing alone would leave it listening for as long as ``accept`` waits.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self.tls:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
            while request := read_request(connection):
                self.requests.append(request)
                if not self.answer(connection):
                    return


def read_request(connection) -> bytes:
    request = b""
    while part := connection.recv(65536):
        request += part
        head, found, body = request.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if found and len(body) >= length:
            break
    return request


def raw(*parts: bytes, pause: float = 0, keep: bool = False):
    """Return an answer that sends ``parts`` one after the other and then closes, or does not."""

    def answer(connection):
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        return keep

    return answer


def page(body: bytes, status: str = "200 OK", headers: str = "", **options):
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\n{headers}Content-Length: {len(body)}"
    return raw(f"{head}\r\n\r\n".encode() + body, **options)


def drip(start: bytes):
    return raw(start, *[b"x"] * 60, pause=0.05)


def failing(url: str, kind: type[GatewayError], *, seconds: float = LIMIT) -> GatewayError:
    """Submit, expect ``kind`` within the wall-clock limit, and return the error."""
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        Gateway(url, seconds=seconds).submit(FIELDS, LOGIN)
    assert time.monotonic() - started < seconds + 1.5
    assert PASSWORD not in str(caught.value)
    return caught.value


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(pem, private, serialization.NoEncryption())
    path.write_bytes(secret + signed.public_bytes(pem))
    return path


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


HEAD = b"HTTP/1.1 200 OK\r\n"
YES = b"<html>Thank you<br>[SUCCESS]</html>"
LATE = "TrepStar did not answer within 0.5 seconds."


class TestSubmit:
    def test_the_whole_request_is_this_byte_for_byte(self):
        with Server(page(YES)) as server:
            Gateway(server.url + "/", seconds=5).submit(FIELDS, LOGIN)
        body = FULL_BODY + b"&CoLoginEmail=desk%40example.com&CoLoginPassword=" + PASSWORD_SENT
        assert server.requests == [
            b"POST /custdata.asp HTTP/1.1\r\n"
            b"Host: 127.0.0.1:%d\r\nConnection: close\r\nAccept-Encoding: identity\r\n"
            b"User-Agent: fulfilment-desk\r\n"
            b"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (server.port, len(body), body)
        ]

    def test_windows_1252_is_sent_and_named(self):
        with Server(page(YES)) as server:
            login = Login("desk@example.com", Secret("pä€"), "windows-1252")
            Gateway(server.url, seconds=5).submit({"name": "Zoë"}, login)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert b"Content-Type: application/x-www-form-urlencoded; charset=windows-1252" in head
        assert body == b"name=Zo%EB&CoLoginEmail=desk%40example.com&CoLoginPassword=p%E4%80"

    def test_a_success_is_returned_with_its_bytes_and_a_readable_excerpt(self):
        with Server(page(sample("success_cp1252.html"))) as server:
            reply = Gateway(server.url, seconds=5).submit(FIELDS, LOGIN)
        assert (reply.http_status, reply.body) == (200, sample("success_cp1252.html"))
        assert "name=José “Pepe” Núñez<br>" in reply.excerpt

    def test_an_excerpt_has_at_most_4000_characters(self):
        with Server(page(YES + b"x" * 9000)) as server:
            assert len(Gateway(server.url, seconds=5).submit(FIELDS, LOGIN).excerpt) == 4000

    def test_a_failure_is_refused_with_its_code_words_and_page(self):
        with Server(page(sample("failure_000013.html"))) as server:
            error = failing(server.url, Refused)
        assert (error.code, error.text, error.http_status) == ("000013", "Name was blank", 200)
        assert "ERRCODE#000013 [FAILURE] Name was blank [ERRORMSGEND]" in error.excerpt

    @pytest.mark.parametrize("status", ["201 Created", "404 Gone", "500 Oops"])
    def test_another_http_status_is_unclear_whatever_the_page_says(self, status):
        with Server(raw(f"HTTP/1.1 {status}\r\n\r\n".encode() + YES)) as server:
            error = failing(server.url, Unclear)
        assert error.text == f"TrepStar answered with HTTP status {status[:3]}."
        assert (error.http_status, error.excerpt) == (int(status[:3]), YES.decode())

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed_and_the_second_host_gets_no_byte(self, status):
        with Server(page(YES)) as second:
            location = f"Location: {second.url}/custdata.asp\r\n"
            with Server(page(YES, f"{status} Moved", location)) as server:
                assert failing(server.url, Unclear).http_status == status
            assert (second.connections, len(server.requests)) == (0, 1)


class TestSession:
    def call(self, url: str, gateway: Gateway | None = None) -> None:
        (gateway or Gateway(url, seconds=5)).submit(FIELDS, LOGIN)

    def test_the_environment_names_no_proxy_and_no_other_login(self, monkeypatch, tmp_path):
        (tmp_path / ".netrc").write_text("default login thief password thief\n")
        (tmp_path / ".netrc").chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        with Server(page(YES)) as server, Server(page(YES)) as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            self.call(server.url)
        assert (proxy.connections, len(server.requests)) == (0, 1)
        assert b"authorization" not in server.requests[0].lower()

    def test_cookies_are_not_kept(self):
        with Server(page(YES, headers="Set-Cookie: ASPSESSIONID=1; Path=/\r\n")) as server:
            gateway = Gateway(server.url, seconds=5)
            self.call(server.url, gateway)
            self.call(server.url, gateway)
        assert b"cookie" not in b"".join(server.requests).lower()
        assert list(gateway.session.cookies) == []

    def test_a_connection_that_the_server_keeps_is_never_used_again(self):
        with Server(page(YES, headers="Connection: keep-alive\r\n", keep=True)) as server:
            gateway = Gateway(server.url, seconds=5)
            self.call(server.url, gateway)
            self.call(server.url, gateway)
        assert (server.connections, len(server.requests)) == (2, 2)

    def test_a_certificate_nobody_vouches_for_gets_nothing(self, tls):
        with Server(page(YES), tls=tls) as server:
            assert failing(server.url, Unreachable, seconds=5).text == (
                "TrepStar could not be reached (SSLError); nothing was sent."
            )
            assert (server.connections, server.requests) == (1, [])

    def test_the_wall_clock_ends_a_drip_over_tls_too(self, tls, certificate):
        with Server(drip(HEAD + b"\r\n" + YES), tls=tls) as server:
            gateway = Gateway(server.url, seconds=LIMIT)
            gateway.session.verify = str(certificate)
            with pytest.raises(Unclear, match=LATE):
                gateway.submit(FIELDS, LOGIN)

    def test_calls_at_the_same_time_have_their_own_clocks(self):
        with Server(page(YES)) as quick:
            gateway = Gateway(quick.url, seconds=5)
            threads = [threading.Thread(target=self.call, args=("", gateway)) for _ in range(8)]
            [thread.start() for thread in threads]
            [thread.join(10) for thread in threads]
        assert len(quick.requests) == 8


class TestStatuses:
    def test_it_asks_for_all_invoices_in_one_call(self):
        with Server(page(sample("status_3.xml"))) as server:
            reply, sections = Gateway(server.url, seconds=5).statuses(INVOICES, LOGIN)
        assert [section.invoice for section in sections] == INVOICES
        assert (reply.http_status, reply.body) == (200, sample("status_3.xml"))
        assert server.requests[0].startswith(b"POST /custdataXML.asp HTTP/1.1\r\n")
        assert server.requests[0].endswith(
            b"\r\n\r\nfunction=getOrderStatusByInvoice&Invoice=NL-1042-S450789469-1%5B%2A%7C%2A%5D"
            b"NL-1043-S450789470-1%5B%2A%7C%2A%5DNL-1044-S450789471-1"
            b"&CoLoginEmail=desk%40example.com&CoLoginPassword=" + PASSWORD_SENT
        )

    @pytest.mark.parametrize(
        ("answer", "http_status"),
        [
            (page(sample("maintenance.html")), 200),
            (page(b""), 200),
            (page(sample("status_3.xml"), "500 Oops"), 500),
            (page(b"<!DOCTYPE x>" + sample("status_3.xml")), 200),
        ],
    )
    def test_an_answer_without_a_section_is_unclear(self, answer, http_status):
        with Server(answer) as server, pytest.raises(Unclear) as caught:
            Gateway(server.url, seconds=5).statuses(INVOICES, LOGIN)
        assert caught.value.http_status == http_status

    @pytest.mark.parametrize("function", ["submit", "statuses"])
    def test_an_answer_of_just_the_limit_is_read_and_one_byte_more_is_not(self, function):
        limit = {"submit": 256 * 1024, "statuses": 512 * 1024}[function]
        whole = YES + sample("status_1.xml")
        ask = {"submit": FIELDS, "statuses": INVOICES}[function]
        with Server(page(whole.ljust(limit))) as server:
            assert getattr(Gateway(server.url, seconds=5), function)(ask, LOGIN)
        with Server(page(whole.ljust(limit + 1))) as server, pytest.raises(Unclear) as caught:
            getattr(Gateway(server.url, seconds=5), function)(ask, LOGIN)
        assert caught.value.text == "TrepStar's answer is far longer than an answer needs."
        assert caught.value.http_status == 200

    @pytest.mark.parametrize("count", [0, 101])
    def test_a_wrong_number_of_invoices_makes_no_call(self, count):
        with Server(page(YES)) as server, pytest.raises(ValueError):
            Gateway(server.url, seconds=5).statuses(["A"] * count, LOGIN)
        assert server.connections == 0
