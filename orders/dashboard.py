"""The dashboard, the admin's first page: every number is a link to the rows behind it.

However many orders there are, the page takes the same few queries. What a person may not view is
left out, its query included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orders import attention, clock, desk_health, figures, links, silence, status
from orders.chart import Chart, chart
from orders.desk_health import Account, Machinery, Shop
from orders.figures import Scope
from orders.first_steps import Step, first_steps
from orders.models import Order
from orders.reasons import REASONS

VIEWED = (
    ("orders", "order"),
    ("orders", "delivery"),
    ("orders", "store"),
    ("orders", "call"),
    ("orders", "gateway"),
    ("orders", "heartbeat"),
    ("products", "publisher"),
)


@dataclass(frozen=True)
class Figure:
    """A number, what it counts, and the list of exactly the rows that were counted.

    ``told`` is how the number is shown, where not by its digits alone.
    """

    count: int
    label: str
    link: str
    told: str = ""


@dataclass(frozen=True)
class Tile:
    """A figure that is shown large, with lesser ones beside it."""

    main: Figure
    notes: list[Figure] = field(default_factory=list)


@dataclass(frozen=True)
class Waiting:
    """The order that waits longest, and since when."""

    order: Order
    link: str
    since: datetime


@dataclass(frozen=True)
class Sku:
    """A SKU that no product has, whose it is (where that is a question), and its deliveries."""

    name: str
    publisher: str
    figure: Figure


@dataclass(frozen=True)
class Choice:
    """A publisher in the switch; a blank value stands for all."""

    value: str
    label: str
    chosen: bool


@dataclass
class Board:
    """All that the page shows; what is None or empty is not shown.

    ``may`` says of which models the person may view the rows. ``in_attention`` counts the whole
    queue of what needs attention, for those who may open it, and ``attention`` each reason in it.
    """

    scope: Scope
    switch: list[Choice]
    may: dict[str, bool]
    tiles: list[Tile] = field(default_factory=list)
    attention: list[Figure] = field(default_factory=list)
    in_attention: Figure | None = None
    waiting: Waiting | None = None
    chart: Chart | None = None
    chart_link: str = ""
    accounts: list[Account] = field(default_factory=list)
    shops: list[Shop] = field(default_factory=list)
    machinery: Machinery | None = None
    skus: list[Sku] = field(default_factory=list)
    skus_in_all: Figure | None = None
    notice: str = ""
    steps: list[Step] = field(default_factory=list)


def board(user: Any, wanted: str = "") -> Board:
    """Return what the first page shows ``user``; ``wanted`` is a publisher's id, blank for all.

    Raises ``figures.NoSuchPublisher`` if ``wanted`` is none of the user's publishers.
    """
    scope = figures.scope_of(user, wanted, clock.now())
    made = Board(scope, _switch(scope), {model: _may(user, app, model) for app, model in VIEWED})
    stores = silence.heard(scope.publishers)
    if made.may["order"]:
        _add_orders(made)
    if user.has_perm("orders.view_order"):
        _add_attention(made, user)
    if made.may["delivery"]:
        _add_deliveries(made, [one.store.pk for one in stores])
    if made.may["publisher"]:
        made.accounts = desk_health.accounts(scope.publishers, scope.now)
    if made.may["store"]:
        made.shops = desk_health.shops(stores, scope.now)
    if made.may["gateway"] or made.may["heartbeat"]:
        made.machinery = desk_health.machinery(scope.now)
    arrived = any(one.last_delivery_at for one in stores) or bool(made.chart and made.chart.total)
    if not arrived:
        made.notice, made.steps = first_steps(user, scope.publishers, has_store=bool(stores))
    return made


def _may(user: Any, app: str, model: str) -> bool:
    return any(user.has_perm(f"{app}.{verb}_{model}") for verb in ("view", "change"))


def _switch(scope: Scope) -> list[Choice]:
    """Return the choice among publishers, for those who serve several."""
    if len(scope.mine) < 2:
        return []
    every = Choice("", "All", scope.chosen is None)
    return [every, *(Choice(str(p.pk), p.name, p == scope.chosen) for p in scope.mine)]


def _add_orders(made: Board) -> None:
    scope = made.scope
    found = figures.open_orders(scope)
    days = figures.orders_per_day(scope)
    made.chart = chart(days, lambda day: scope.orders(**scope.of_day("created_at", day)))
    made.chart_link = scope.orders(created_at__gte=scope.span(days[0][0])[0])

    def of(label: str, *statuses: str) -> Figure:
        lookup = "status__exact" if len(statuses) == 1 else "status__in"
        link = scope.orders(**{lookup: ",".join(statuses)})
        return Figure(found.in_status(*statuses), label, link)

    shipped = scope.orders(**scope.of_day("shipped_at", scope.today))
    made.tiles = [
        Tile(Figure(days[-1][1], "new orders today", made.chart.bars[-1].link)),
        Tile(
            of("to be sent", status.READY),
            [of("being sent", status.SUBMITTING), of("unclear", status.UNCLEAR)],
        ),
        Tile(of("awaiting payment", status.AWAITING_PAYMENT)),
        Tile(of("in production", status.PROCESSING), [of("accepted", status.ACCEPTED)]),
        Tile(Figure(figures.shipped_today(scope), "shipped today", shipped)),
    ]
    oldest = figures.oldest_waiting(scope, found)
    if oldest:
        made.waiting = Waiting(oldest, links.row("orders_order", oldest.pk), oldest.created_at)


def _add_attention(made: Board, user: Any) -> None:
    """Show the numbers of the queue, each with the link to its part."""
    scope = made.scope
    counted = attention.counts(user, [one.pk for one in scope.publishers], scope.now)
    whose = "order or delivery waits" if counted[""] == 1 else "orders and deliveries wait"
    labels = {"": f"{whose} for a person", **{slug: one.label for slug, one in REASONS.items()}}
    every, *rest = (
        Figure(count, labels[slug], scope.queue(slug), attention.told(count))
        for slug, count in counted.items()
    )
    made.in_attention = every
    made.attention = [figure for figure in rest if figure.count]


def _add_deliveries(made: Board, stores: list[int]) -> None:
    scope = made.scope
    today = scope.deliveries(**scope.of_day("received_at", scope.today))
    came = Figure(figures.deliveries_today(scope, stores), "deliveries today", today)
    if made.tiles:
        made.tiles[0].notes.append(came)
    else:
        made.tiles.append(Tile(came))
    count, top = figures.unknown_skus(scope)
    names = {publisher.pk: publisher.name for publisher in scope.mine}
    label = "SKU is not known here" if count == 1 else "SKUs are not known here"
    made.skus_in_all = Figure(count, label, scope.deliveries(unknown_sku="any"))
    for one in top:
        owner = {"publisher": one.publisher_id} if len(scope.mine) > 1 else {}
        link = links.rows("orders_delivery", unknown_sku=f"={one.key}", **owner)
        noun = "delivery" if one.waiting == 1 else "deliveries"
        whose = names[one.publisher_id] if len(scope.publishers) > 1 else ""
        made.skus.append(Sku(one.name, whose, Figure(one.waiting, noun, link)))
