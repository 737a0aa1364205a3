"""Whether the orders that a file wants may be made: products, duplicates, TrepStar's own rules.

Nothing is written. Orders are checked in batches, each with a fixed number of queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db.models import Q

from orders import intake, preflight
from orders.gateway import box_of
from orders.line_fate import mail_method
from orders.models import Order, OrderLine, Store
from orders.models.order import Source
from orders.recipient import FIELDS
from orders.spreadsheet.columns import LINES, Plan
from orders.spreadsheet.reading import Table
from orders.spreadsheet.rows import MAX_QUANTITY, Problem, RowReader, Wanted, is_own_invoice
from orders.trepstar.wire import MAX_INVOICE_LENGTH, MAX_PIECES
from products.matching import Match, match_skus
from products.models import Publisher

BATCH = 1_000
PLACEHOLDER = "NEW"
# A finding about these is mended in the file; an order with any other is made, and held.
IN_THE_FILE = {*FIELDS, "quantity", "lines"}
COLUMN_OF = {"lines": "product"}


@dataclass(frozen=True)
class Checked:
    """What would become of one order: made (``request``), left out, or refused for problems.

    ``held`` is the reason for which it would wait, blank if it would go out.
    """

    wanted: Wanted
    problems: tuple[Problem, ...] = ()
    request: intake.Request | None = None
    held: str = ""
    left_out: str = ""


@dataclass
class Existing:
    """The orders that have an invoice or a shop's number of a batch, by it."""

    invoices: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    references: dict[str, tuple[int, str]] = field(default_factory=dict)


class Checker:
    """Checks the orders of one file for one publisher."""

    def __init__(self, publisher: Publisher, table: Table, plan: Plan) -> None:
        self.publisher = publisher
        self.table = table
        self.plan = plan
        self.reader = RowReader(table.header, plan)
        self.matches: dict[str, Match] = {}
        self.invoices: dict[str, int] = {}
        self.references: dict[str, int] = {}
        stores = list(Store.objects.filter(publisher=publisher)[:2])
        self.store = stores[0] if len(stores) == 1 else None
        self.order: Order | None = None
        self.lines: dict[tuple[int, int], OrderLine] = {}

    def run(self, behind: int = 0) -> Iterator[Checked]:
        """Yield what would become of each order, in the order of the file.

        The first ``behind`` orders were checked before: their numbers are remembered, no more.
        Raises ``Unreadable`` at a row that cannot be read.
        """
        orders = self.reader.orders(self.table.rows())
        for wanted in islice(orders, behind):
            if not wanted.left_out:
                for _ in self._repeated(wanted):
                    pass
        while batch := list(islice(orders, BATCH)):
            self._learn_products(batch)
            existing = self._existing(batch)
            for wanted in batch:
                yield self._check(wanted, existing)

    def _learn_products(self, batch: Sequence[Wanted]) -> None:
        keys = {line.key for wanted in batch for line in wanted.lines} - set(self.matches)
        if keys:
            found = match_skus(self.publisher, sorted(keys))
            self.matches |= {key: found.get(key, Match()) for key in keys}

    def _existing(self, batch: Sequence[Wanted]) -> Existing:
        invoices = [wanted.invoice for wanted in batch if wanted.invoice]
        references = [wanted.reference for wanted in batch if wanted.reference]
        found = Existing()
        if invoices:
            # The first part of a split stands for the whole.
            parts = [f"{invoice}-P1" for invoice in invoices]
            rows = Order.objects.filter(invoice__in=[*invoices, *parts])
            for pk, publisher_id, invoice in rows.values_list("pk", "publisher_id", "invoice"):
                found.invoices[invoice] = found.invoices[invoice.removesuffix("-P1")] = (
                    pk,
                    publisher_id,
                    invoice,
                )
        if references:
            rows = Order.objects.filter(~Q(reference=""), publisher=self.publisher)
            rows = rows.filter(reference__in=references).order_by("-pk")
            for pk, reference, invoice in rows.values_list("pk", "reference", "invoice"):
                found.references[reference] = (pk, invoice)
        return found

    def _check(self, wanted: Wanted, existing: Existing) -> Checked:
        if wanted.left_out:
            return Checked(wanted, left_out=wanted.left_out)
        problems = [*wanted.problems, *self._repeated(wanted), *self._ordered(wanted, existing)]
        units, unknown = self._units(wanted)
        problems += unknown
        if not units and not problems:
            return Checked(wanted, left_out="Nothing in it is ours to make.")
        pieces = sum(unit.quantity for unit in units)
        problems += self._size(wanted, pieces)
        request = self._request(wanted, units)
        findings = self._findings(request)
        problems += [
            self.reader.problem(wanted.row, COLUMN_OF.get(one.field, one.field), one.text)
            for one in findings
            if one.field in IN_THE_FILE and not (wanted.problems and one.field == "country")
        ]
        if problems:
            return Checked(wanted, tuple(sorted(problems, key=lambda one: one.row)))
        held = findings[0].hold_reason if findings else ""
        if not held and not self.publisher.auto_submit:
            held = "policy"
        return Checked(wanted, request=request, held=held)

    def _repeated(self, wanted: Wanted) -> Iterator[Problem]:
        """Say where an invoice or a shop's number was before in the file, and remember it."""
        for name, number, seen in (
            ("invoice", wanted.invoice, self.invoices),
            ("reference", wanted.reference, self.references),
        ):
            if not number:
                continue
            before = seen.setdefault(number, wanted.row)
            if before != wanted.row:
                text = f"“{number}” stands in row {before} already. "
                text += (
                    "Put the rows of one order together."
                    if self.plan.layout == LINES
                    else "Give each order its own, or take the row out."
                )
                yield self.reader.problem(wanted.row, name, text)

    def _ordered(self, wanted: Wanted, existing: Existing) -> Iterator[Problem]:
        """Say which order has an invoice or a shop's number already."""
        there = existing.invoices.get(wanted.invoice) if wanted.invoice else None
        if there and there[1] == self.publisher.pk:
            text = f"Order {there[2]} has this invoice, so it is not made twice. Take the row out."
            yield self.reader.problem(wanted.row, "invoice", text, there[0])
        elif there:
            text = f"The invoice “{wanted.invoice}” is taken. Write another one."
            yield self.reader.problem(wanted.row, "invoice", text)
        elif wanted.invoice and is_own_invoice(wanted.invoice):
            text = (
                f"“{wanted.invoice}” looks like an invoice that the desk makes by itself. Write "
                "another one, or leave it blank and the desk makes one."
            )
            yield self.reader.problem(wanted.row, "invoice", text)
        same = existing.references.get(wanted.reference) if wanted.reference else None
        if same and not (there and there[0] == same[0]):
            text = (
                f"Order {same[1]} was made for “{wanted.reference}”, so it is not made twice. "
                "Take the row out."
            )
            yield self.reader.problem(wanted.row, "reference", text, same[0])

    def _units(self, wanted: Wanted) -> tuple[list[intake.Units], list[Problem]]:
        units, problems = [], []
        for line in wanted.lines:
            match = self.matches[line.key]
            if match.product:
                units.append(intake.Units(match.product, line.quantity, sku=line.key))
            elif not match.not_ours:
                problems.append(self.reader.problem(line.row, "product", self._unknown(line.key)))
            elif self.plan.layout != LINES:
                text = f"“{line.key}” is marked as not ours to make. Take the row out."
                problems.append(self.reader.problem(line.row, "product", text))
        return units, problems

    def _unknown(self, key: str) -> str:
        shown, candidates = key[:60], self.matches[key].candidates
        if candidates:
            return f"“{shown}” stands for {' and for '.join(candidates)}. Mend that under SKUs."
        return (
            f"“{shown}” is no SKU or project id of {self.publisher.name}. Correct it, or add it "
            "under SKUs."
        )

    def _size(self, wanted: Wanted, pieces: int) -> Iterator[Problem]:
        if pieces > MAX_QUANTITY:
            text = f"The order has {pieces:,} pieces. One may have at most {MAX_QUANTITY:,}."
            yield self.reader.problem(wanted.row, "quantity", text)
        elif pieces > MAX_PIECES and len(wanted.invoice) > MAX_INVOICE_LENGTH - len("-P99"):
            text = (
                f"The order has {pieces:,} pieces and is split into boxes, for whose numbers the "
                f"invoice is too long. Use at most {MAX_INVOICE_LENGTH - len('-P99')} characters."
            )
            yield self.reader.problem(wanted.row, "invoice", text)

    def _request(self, wanted: Wanted, units: Sequence[intake.Units]) -> intake.Request:
        method = wanted.mail_method
        if not method and wanted.shipping and self.store:
            method = mail_method(self.store, (wanted.shipping,), wanted.recipient) or ""
        return intake.Request(
            publisher=self.publisher,
            source=Source.CSV,
            recipient=wanted.recipient,
            units=tuple(units),
            email=wanted.email,
            reference=wanted.reference,
            mail_method=method or None,
            special_text=wanted.special_text,
            price=wanted.price,
            invoice=wanted.invoice,
        )

    def _findings(self, request: intake.Request) -> list[preflight.Finding]:
        """Return what TrepStar would refuse about the first of the request's boxes."""
        boxes = intake.split(request.units)
        order = self._order(request)
        lines = [self._line(unit) for unit in boxes[0]] if boxes else []
        found = preflight.check(order, lines, box_of(order, lines))
        return [one for one in found if lines or one.field != "lines"]

    def _order(self, request: intake.Request) -> Order:
        """Return one and the same order as the request has it: making a model takes its time."""
        if self.order is None:
            self.order = intake.order_of(request)
        self.order.__dict__.update(intake.fields_of(request))
        self.order.invoice = request.invoice or PLACEHOLDER
        return self.order

    def _line(self, unit: intake.Units) -> OrderLine:
        key = (unit.product.pk, unit.quantity)
        if key not in self.lines:
            (self.lines[key],) = intake.lines_of([unit])
        return self.lines[key]
