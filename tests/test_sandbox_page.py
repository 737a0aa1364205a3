"""The sandbox's own pages and its command: what they show and change, and what they never tell."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import requests

from orders.trepstar.client import Gateway, Login
from orders.trepstar.errors import GatewayError, Refused
from orders.trepstar.sandbox import Sandbox
from orders.trepstar.sandbox_accounts import AccountsError, read_accounts
from orders.trepstar.sandbox_server import SandboxServer
from products.secret import Secret
from tests.sandbox_cast import (
    HASTY,
    ORDER,
    PASSWORD,
    gateway,
    make_sandbox,
    status_call,
    submit,
    take,
)

ROOT = Path(__file__).parent.parent
RUN = (
    "import sys; from django.conf import settings; settings.configure(); "
    "from orders.management.commands.sandbox import Command; "
    "Command().run_from_argv(['manage.py', 'sandbox', *sys.argv[1:]])"
)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = make_sandbox(balance=10)
    yield sandbox
    sandbox.close()


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[SandboxServer]:
    with SandboxServer(sandbox) as server:
        yield server


def post(server: SandboxServer, path: str, **fields: str) -> requests.Response:
    return requests.post(server.url + path, data=fields, timeout=5)


def test_the_page_shows_accounts_orders_and_calls(sandbox: Sandbox, server: SandboxServer) -> None:
    take(sandbox)
    take(sandbox, Invoice="NORTH-2", quantity="3")
    answer = requests.get(server.url, timeout=5)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for text in ("66870", "$5.00", "NORTH-1", "PROCESSING", "66750 × 3", "HOLD", "accepted"):
        assert f">{text}<" in answer.text
    assert answer.text.count('action="/delete"') == 1


def test_what_customers_wrote_is_escaped(sandbox: Sandbox, server: SandboxServer) -> None:
    take(sandbox, name="<script>x</script>", Invoice='"><b>', addr="BADADDRESS <i>")
    sandbox.set_faults('reset@"><u>')
    page = requests.get(server.url, timeout=5).text
    assert not {"<script>", "<b>", "<i>", "<u>"} & set(page.replace(">", ">\0").split("\0"))
    assert "<script>" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page


def test_the_bill_can_be_paid(sandbox: Sandbox, server: SandboxServer) -> None:
    take(sandbox, quantity="4")
    answer = post(server, "/pay", publisher_id="66870", amount="12.50")
    assert (answer.status_code, answer.text) == (200, "The balance of 66870 is $2.50.\n")
    assert sandbox.orders()[0].paid_at is not None


@pytest.mark.parametrize("amount", ["", "ten", "nan", "Infinity", "1e12"])
def test_a_bad_amount_changes_nothing(sandbox: Sandbox, server: SandboxServer, amount: str) -> None:
    assert post(server, "/pay", publisher_id="66870", amount=amount).status_code == 400
    assert sandbox.balance("66870") == 10


def test_an_unknown_account_is_said(server: SandboxServer) -> None:
    answer = post(server, "/pay", publisher_id="1", amount="5")
    assert (answer.status_code, answer.text) == (400, "There is no account 1.\n")


def test_only_orders_on_hold_are_deleted(sandbox: Sandbox, server: SandboxServer) -> None:
    take(sandbox)
    take(sandbox, Invoice="NORTH-2", quantity="9")
    answers = [post(server, "/delete", order=number) for number in ("1", "2", "2", "x", "9" * 30)]
    assert [answer.status_code for answer in answers] == [400, 200, 400, 400, 400]
    assert [order.deleted for order in sandbox.orders()] == [False, True]


def test_faults_can_be_changed_while_it_runs(sandbox: Sandbox, server: SandboxServer) -> None:
    answer = post(server, "/faults", spec="login@NORTH-1")
    assert answer.text == "Faults: login@NORTH-1.\n"
    with pytest.raises(Refused):
        submit(server)
    answer = post(server, "/faults", spec="nonsense")
    assert (answer.status_code, sandbox.faults) == (400, "login@NORTH-1")
    assert post(server, "/faults", spec="").text == "Faults: none.\n"


def test_a_browser_is_led_back_and_a_foreign_site_is_turned_away(
    sandbox: Sandbox, server: SandboxServer
) -> None:
    fields = {"publisher_id": "66870", "amount": "1"}
    browser = {"Accept": "text/html", "Origin": server.url}
    answer = requests.post(
        f"{server.url}/pay", fields, headers=browser, allow_redirects=False, timeout=5
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        answer = requests.post(f"{server.url}/pay", fields, headers=headers, timeout=5)
        assert answer.status_code == 403
    assert sandbox.balance("66870") == 11
    assert requests.get(f"{server.url}/pay", timeout=5).status_code == 405


def test_the_log_as_json(sandbox: Sandbox, server: SandboxServer) -> None:
    submit(server)
    gateway(server).statuses(["NORTH-1"], Login(ORDER["CoLoginEmail"], Secret("wrong")))
    log = requests.get(f"{server.url}/log.json", timeout=5).json()
    assert [(call["id"], call["kind"], call["code"]) for call in log] == [
        (1, "submit", ""),
        (2, "status", "200"),
    ]
    assert log[0]["fields"]["Invoice"] == "NORTH-1"
    assert log[0]["verdict"] == "accepted"
    newer = requests.get(f"{server.url}/log.json?since=1", timeout=5).json()
    assert newer == log[1:]
    assert requests.get(f"{server.url}/log.json?since=x", timeout=5).status_code == 400


def test_the_password_is_shown_nowhere(sandbox: Sandbox, server: SandboxServer) -> None:
    for fault in ("", "login@*", "hang-drop@*", "redirect@*"):
        sandbox.set_faults(fault)
        with suppress(GatewayError):
            submit(server, seconds=HASTY, SpecialText=f"it is {PASSWORD}", co=quote(PASSWORD))
    requests.get(f"{server.url}/custdata.asp", {**ORDER, "Invoice": "N-2"}, timeout=5)
    sandbox.statuses(status_call("NORTH-1"))
    take(sandbox, COLOGINPASSWORD="canary-other")
    pages = [requests.get(server.url + path, timeout=5).text for path in ("/", "/log.json")]
    pages.append(repr([sandbox.calls(), sandbox.orders(), sandbox.accounts]))
    forms = [PASSWORD, quote(PASSWORD), quote_plus(PASSWORD), "canary"]
    assert len(sandbox.calls()) == 7
    names = {name.lower() for call in sandbox.calls() for name in call.fields}
    assert "cologinpassword" not in names
    assert [form for form in forms if any(form in page for page in pages)] == []
    assert json.dumps(PASSWORD)[1:-1] not in pages[1]


class TestAccounts:
    def test_the_form_of_provision_is_read_and_the_rest_ignored(self) -> None:
        product = {"project_id": "66760", "package": "cd_sleeve", "price": "9.00"}
        north = {
            "publisher_id": "66870",
            "login_email": "a@b.example",
            "login_password": {"env": "NORTH_PASSWORD"},
            "products": [product, {"project_id": 66750}],
            "stores": [{"domain": "x"}],
        }
        south = {"publisher_id": "2", "login_email": "c@d.example", "login_password": "plain"}
        text = json.dumps({"publishers": [north, south]})
        first, second = read_accounts(text, {"NORTH_PASSWORD": "secret"})
        assert (first.publisher_id, first.email) == ("66870", "a@b.example")
        assert first.password == Secret("secret")
        assert first.products == {"66760": "cd_sleeve", "66750": "dvd_case"}
        assert (second.password, second.products) == (Secret("plain"), {})

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("{", "The accounts file is not JSON."),
            ("[]", "The accounts file holds no list of publishers."),
            ('{"publishers": []}', "The accounts file holds no list of publishers."),
            ('{"publishers": [7]}', "A publisher of the accounts file is not an object."),
            ('{"publishers": [{}]}', "A publisher of the accounts file has no publisher_id."),
            (
                '{"publishers": [{"publisher_id": "1"}]}',
                "Publisher 1 of the accounts file has no login_email.",
            ),
            (
                '{"publishers": [{"publisher_id": "1", "login_email": "a@b"}]}',
                "Publisher 1 of the accounts file has no login_password.",
            ),
            (
                '{"publishers": [{"publisher_id": "1", "login_email": "a@b", '
                '"login_password": {"env": "GONE"}}]}',
                "Publisher 1 takes its password from GONE, which is not set.",
            ),
        ],
    )
    def test_a_bad_file_is_one_sentence(self, text: str, sentence: str) -> None:
        with pytest.raises(AccountsError) as wrong:
            read_accounts(text, {})
        assert str(wrong.value) == sentence


class TestCommand:
    @contextmanager
    def running(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Start the command on a free port; give its process and the line that it prints."""
        command = [sys.executable, "-c", RUN, "--port", "0", *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            try:
                yield process, process.stdout.readline()
            finally:
                process.kill()

    def refused(self, *arguments: str) -> str:
        command = [sys.executable, "-c", RUN, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=10)
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr

    def test_orders_survive_kill_9_and_sigterm_ends_it_cleanly(self, tmp_path: Path) -> None:
        state = str(tmp_path / "state.db")
        fields = {n: v for n, v in ORDER.items() if not n.startswith("CoLogin")}
        login = Login("desk@example.com", Secret("sandbox"))
        with self.running("--state", state, "--pace", "7") as (process, line):
            url = line.split()[3]
            assert line == (
                f"TrepStar sandbox on {url} · orders ship after 7 s · account 66870: "
                "desk@example.com / sandbox, products 66750, 66760, 66770\n"
            )
            Gateway(url, seconds=5).submit(fields, login)
            process.kill()
        with self.running("--state", state) as (process, line):
            client = Gateway(line.split()[3], seconds=5)
            assert client.statuses(["NORTH-1"], login)[1][0].customer == "John H. Smith"
            with pytest.raises(Refused):
                client.submit(fields, login)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=5) == 0

    def test_a_port_in_use_is_said_in_one_sentence(self, server: SandboxServer) -> None:
        port = str(server.port)
        sentence = f"Port {port} cannot be used on 127.0.0.1; choose another with --port."
        assert self.refused("--port", port) == f"CommandError: {sentence}\n"

    def test_bad_options_are_said_in_one_sentence(self, tmp_path: Path) -> None:
        assert self.refused("--faults", "x=4%").startswith("CommandError: There is no submit fault")
        missing = str(tmp_path / "missing.json")
        said = self.refused("--accounts", missing)
        assert said == f"CommandError: The accounts file {missing} cannot be read.\n"
