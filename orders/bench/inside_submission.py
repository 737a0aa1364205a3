"""What the section on sending does inside a probe: a backlog over many publishers, and its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count

from orders import clock, status
from orders.models import Order, OrderEvent, OrderLine
from products.models import MailMethod, Mode, Product, Publisher
from products.secret import Secret

PUBLISHERS = 40


def backlog(orders: int) -> None:
    """Put everything aside that is due, and make so many ready orders of forty publishers."""
    due = Order.objects.filter(status__in=status.OPEN)
    due.update(status=status.CANCELLED, next_attempt_at=None, next_ask_at=None)
    Order.objects.exclude(next_ask_at=None).update(next_ask_at=None)
    films = [_publisher_with_film(90_000 + number) for number in range(PUBLISHERS)]
    now = clock.now()
    made = Order.objects.bulk_create(
        (_order(films[number % PUBLISHERS], number, now) for number in range(orders)),
        batch_size=1000,
    )
    OrderLine.objects.bulk_create(
        (
            OrderLine(order=order, product=films[number % PUBLISHERS], quantity=1)
            for number, order in enumerate(made)
        ),
        batch_size=1000,
    )
    OrderEvent.objects.bulk_create(
        (
            OrderEvent(order=order, kind="order.placed", to_status=status.READY, actor_kind="shop")
            for order in made
        ),
        batch_size=1000,
    )


def _publisher_with_film(number: int) -> Product:
    login: Any = Secret(f"bench-password-{number}")
    publisher, _ = Publisher.objects.get_or_create(
        publisher_id=str(number),
        defaults={
            "name": f"Bench Records {number}",
            "login_email": f"desk@bench-{number}.example",
            "login_password": login,
            "mode": Mode.PROD,
        },
    )
    film, _ = Product.objects.get_or_create(
        publisher=publisher,
        project_id=str(number),
        defaults={"title": f"Record {number}", "package": "dvd_case"},
    )
    return film


def _order(film: Product, number: int, now: datetime) -> Order:
    return Order(
        publisher=film.publisher,
        source="shopify",
        invoice=f"BACKLOG-{now:%H%M%S%f}-{number}",
        mode=Mode.PROD,
        status=status.READY,
        mail_method=MailMethod.STANDARD,
        name="Ana Peña",
        address="12 Harbour Street",
        city="Portland",
        state="ME",
        zip="04101",
        country="US",
        email="ana@example.com",
        next_attempt_at=now,
    )


def waiting() -> int:
    """Return how many orders of the backlog TrepStar does not have."""
    due = (status.READY, status.SUBMITTING, status.UNCLEAR)
    return Order.objects.filter(invoice__startswith="BACKLOG-", status__in=due).count()


def ends() -> dict[str, int]:
    """Return how many orders of the backlog ended in which status."""
    rows = Order.objects.filter(invoice__startswith="BACKLOG-").order_by()
    return dict(rows.values_list("status").annotate(number=Count("pk")))
