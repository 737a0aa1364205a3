"""The bench's own machinery at tiny sizes: what it measures with, generates, tells and judges."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders.bench import databases, timing
from orders.bench.probe import Probe, ProbeError
from orders.bench.report import Figure, Report
from orders.bench.run import NAMES, Bench, run

ROOT = Path(__file__).resolve().parent.parent
ORDERS = 300


@pytest.fixture(scope="module", autouse=True)
def bench_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_FOLDER", str(folder))
        yield folder


@pytest.mark.parametrize(
    ("value", "bar", "at_least", "passed"),
    [
        (1.2, 1.2, False, True),
        (1.21, 1.2, False, False),
        (0.2, 0.2, True, True),
        (0.19, 0.2, True, False),
        (99.0, None, False, True),
    ],
)
def test_a_figure_is_judged_by_its_bar(
    value: float, bar: float | None, at_least: bool, passed: bool
) -> None:
    assert Figure("pages", "list", value, bar, at_least).passed is passed


def test_the_table_shows_every_figure_and_sums_up_those_with_a_bar() -> None:
    report = Report(
        [
            Figure("webhook", "of a bare view", 0.234, 0.2, at_least=True, statements=12),
            Figure("pages", "order list", 1.5, 1.25, note="1M ÷ 10k"),
            Figure("pages", "memory", 1234.5, unit="MB"),
        ]
    )
    assert report.table() == (
        "section  figure          value     bar      "
        "        statements  note\n"
        "webhook  of a bare view  0.234     >= 0.2   ok      12\n"
        "pages    order list      1.5       <= 1.25  FAILED              1M ÷ 10k\n"
        "pages    memory          1,234 MB\n"
        "\n"
        "1 passed, 1 failed"
    )


def test_the_report_is_written_as_json_with_the_machine(tmp_path: Path) -> None:
    report = Report([Figure("sync", "calls", 2, 1, unit="calls")], {"sqlite": "3.40"})
    report.write(tmp_path / "bench.json")
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["figures"] == [
        {
            "section": "sync",
            "name": "calls",
            "value": 2,
            "bar": 1,
            "at_least": False,
            "unit": "calls",
            "note": "",
            "statements": None,
            "passed": False,
        }
    ]
    assert set(written["machine"]) == {"cores", "python", "django", "databases", "date"}
    assert written["machine"]["databases"] == {"sqlite": "3.40"}


def test_ways_are_called_in_turns_forwards_and_backwards() -> None:
    calls: list[str] = []
    seconds = timing.interleaved(
        3, one=lambda: calls.append("one"), other=lambda: calls.append("other")
    )
    once, forwards, backwards = ["one", "other"], ["one", "other"], ["other", "one"]
    assert calls == [*once, *forwards, *backwards, *forwards]
    assert [len(found) for found in seconds.values()] == [3, 3]


def test_a_way_may_measure_itself_and_ratios_are_paired_by_round() -> None:
    told = iter([0.0, 2.0, 30.0, 4.0])
    seconds = timing.interleaved(3, a=lambda: next(told), b=lambda: 2.0)
    assert seconds == {"a": [2.0, 30.0, 4.0], "b": [2.0, 2.0, 2.0]}
    assert timing.ratio(seconds, of="a", to="b") == 2.0


@pytest.mark.django_db(transaction=True)
def test_statements_are_counted_with_begin_and_commit() -> None:
    from django.db import transaction

    from products.models import Publisher

    def do() -> None:
        with transaction.atomic():
            Publisher.objects.count()

    assert timing.statements(do) == 3


def test_a_database_is_generated_once_as_described_and_copied_for_use() -> None:
    url = databases.ready("sqlite", ORDERS)
    path = Path(url.removeprefix("sqlite:///"))
    made_at = path.stat().st_mtime_ns
    with databases.scratch("sqlite", ORDERS) as copy:
        assert copy != url
        with sqlite3.connect(copy.removeprefix("sqlite:///")) as found:
            by_status = dict(found.execute("SELECT status, count(*) FROM orders_order GROUP BY 1"))
            rows = {
                table: found.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("orders_orderline", "orders_orderevent", "orders_deliveryline")
            }
            assert found.execute("PRAGMA foreign_key_check").fetchall() == []
            found.execute("DELETE FROM orders_attempt")
    assert not Path(copy.removeprefix("sqlite:///")).exists()
    assert by_status == {
        "accepted": 8,
        "cancelled": 6,
        "held": 12,
        "problem": 1,
        "processing": 7,
        "ready": 6,
        "refused": 1,
        "shipped": 251,
        "tested": 6,
        "unclear": 2,
    }
    assert rows == {"orders_orderline": 900, "orders_orderevent": 1500, "orders_deliveryline": 900}
    assert databases.ready("sqlite", ORDERS) == url
    assert path.stat().st_mtime_ns == made_at
    with sqlite3.connect(path) as kept:
        assert kept.execute("SELECT count(*) FROM orders_attempt").fetchone()[0] == 276


def test_a_probe_answers_by_name_and_tells_of_an_error() -> None:
    with databases.scratch("sqlite", ORDERS) as url, Probe(url) as probe:
        assert probe.call("orders.bench.timing:peak_rss_mb") > 1
        with pytest.raises(ProbeError, match="AttributeError"):
            probe.call("orders.bench.timing:nothing_of_this_name")
        assert probe.call("json:dumps", obj=[1]) == "[1]"
        with pytest.raises(ProbeError, match=r"The probe ended while os:_exit was called\."):
            probe.call("os:_exit", status=3)


def test_a_run_shares_probes_and_drops_its_copies(bench_folder: Path) -> None:
    def section(bench: Bench) -> Iterator[Figure]:
        assert bench.probe("sqlite", ORDERS) is bench.probe("sqlite", ORDERS)
        yield Figure("pages", "answer", float(bench.probe("sqlite", ORDERS).call("os:getppid") > 0))

    told: list[str] = []
    bench = Bench(vendors=["sqlite"], sizes=[ORDERS], rounds=1, tell=told.append)
    report = run(bench, {"pages": section})
    assert [figure.value for figure in report.figures] == [1.0]
    assert report.databases == {"sqlite": sqlite3.sqlite_version}
    assert told == ["measuring pages"]
    assert not list(bench_folder.glob("scratch*"))


def bench_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "bench", *arguments],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        timeout=170,
    )


def test_the_command_names_its_sections_and_refuses_what_is_none() -> None:
    listed = bench_command("--list")
    assert listed.returncode == 0, listed.stderr
    assert {line.split()[0] for line in listed.stdout.splitlines()} <= set(NAMES)
    wrong = bench_command("--orders", "many")
    assert wrong.returncode == 1
    assert "--orders takes whole numbers joined by commas, such as 10000,1000000." in wrong.stderr


@pytest.mark.parametrize(("value", "code"), [(1.0, 0), (1.1, 1)])
def test_a_missed_bar_is_the_exit_code(
    value: float,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from django.core.management import call_command

    from orders.management.commands import bench

    def section(bench: Bench) -> Iterator[Figure]:
        yield Figure("sync", "calls", value, 1.0)

    monkeypatch.setattr(bench, "sections", lambda: {"sync": section})
    options = {"database": "sqlite", "orders": str(ORDERS), "json": tmp_path / "bench.json"}
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command("bench", **options)
        assert ended.value.code == code
    else:
        call_command("bench", **options)
    shown = capsys.readouterr().out
    assert shown.endswith(f"{1 - code} passed, {code} failed\n")
    assert json.loads((tmp_path / "bench.json").read_text())["figures"][0]["passed"] is not bool(
        code
    )
