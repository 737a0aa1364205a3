"""The language of faults: what it asks for, how it is drawn, and what it refuses. No socket."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.trepstar.sandbox_faults import (
    FAULTS,
    STATUS,
    SUBMIT,
    FaultPlan,
    FaultSpecError,
    describe,
)
from tests.sandbox_cast import make_sandbox


class TestSpecification:
    def drawn(self, spec: str, *, calls: int = 4000, seed: int = 7) -> list[str]:
        plan = FaultPlan(spec, random.Random(seed))
        faults = [plan.draw(SUBMIT, ["N-1"]) for _ in range(calls)]
        return [fault.name if fault else "" for fault in faults]

    def test_percentages_are_kept_and_repeat_with_the_seed(self) -> None:
        spec = "hang-accept=4%, hang-drop=4%,500-before=0.5%,status:timeout=90%"
        names = self.drawn(spec)
        assert names == self.drawn(spec)
        assert names != self.drawn(spec, seed=8)
        assert 120 <= names.count("hang-accept") <= 200
        assert 120 <= names.count("hang-drop") <= 200
        assert 8 <= names.count("500-before") <= 40
        assert set(names) == {"", "hang-accept", "hang-drop", "500-before"}

    def test_nothing_and_everything(self) -> None:
        assert set(self.drawn("")) == {""}
        assert set(self.drawn("reset=0%")) == {""}
        assert set(self.drawn("reset=100%")) == {"reset"}

    @pytest.mark.parametrize(
        ("spec", "invoices", "expected"),
        [
            ("reset@N-1", ["N-1", "N-1"], ["reset", ""]),
            ("reset@N-1", ["N-10", "n-1", "N-1"], ["", "", "reset"]),
            ("reset@N-1:2", ["N-1", "X", "N-1", "N-1"], ["reset", "", "reset", ""]),
            ("reset@N-*:all", ["N-1", "N-", "M-1"], ["reset", "reset", ""]),
            ("reset@*:1", ["", "X"], ["reset", ""]),
            ("reset@*,both@*", ["A", "B", "C"], ["reset", "both", ""]),
            ("both=100%,reset@N-1", ["N-1", "N-1"], ["reset", "both"]),
            ("reset@A:B", ["A:B", "A"], ["reset", ""]),
        ],
    )
    def test_scripts(self, spec: str, invoices: list[str], expected: list[str]) -> None:
        plan = FaultPlan(spec, random.Random(0))
        faults = [plan.draw(SUBMIT, [invoice]) for invoice in invoices]
        assert [fault.name if fault else "" for fault in faults] == expected

    def test_a_status_script_looks_at_every_invoice(self) -> None:
        plan = FaultPlan("status:html@B", random.Random(0))
        assert plan.draw(STATUS, ["A", "C"]) is None
        assert plan.draw(STATUS, ["A", "B"]) is FAULTS[STATUS]["html"]

    @pytest.mark.parametrize(
        ("spec", "sentence"),
        [
            ("reset", "The fault 'reset' cannot be read; write it like"),
            ("reset=4", "The fault 'reset=4' needs a percentage from 0% to 100%."),
            ("reset=101%", "The fault 'reset=101%' needs a percentage"),
            ("reset=nan%", "The fault 'reset=nan%' needs a percentage"),
            ("reset@", "The fault 'reset@' cannot be read"),
            ("explode=4%", "There is no submit fault 'explode'; there are hang-drop, "),
            ("status:reset=4%", "There is no status fault 'reset'; there are timeout, "),
            ("reset=60%,both=41%", "The submit faults add up to more than 100 %."),
        ],
    )
    def test_a_bad_one_is_one_sentence_and_changes_nothing(self, spec: str, sentence: str) -> None:
        sandbox = make_sandbox(faults="reset@*")
        with pytest.raises(FaultSpecError) as wrong:
            sandbox.set_faults(spec)
        assert str(wrong.value).startswith(sentence)
        assert "\n" not in str(wrong.value)
        assert sandbox.faults == "reset@*"

    @given(st.text(st.sampled_from("reset,:@*=%1-status "), max_size=30))
    def test_any_text_is_read_or_refused(self, spec: str) -> None:
        try:
            FaultPlan(spec, random.Random(0)).draw(SUBMIT, ["N-1"])
        except FaultSpecError:
            pass

    def test_every_fault_is_explained(self) -> None:
        lines = describe().splitlines()
        assert len(lines) == sum(len(faults) for faults in FAULTS.values()) == 28
