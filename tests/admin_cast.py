"""The admin as the tests meet it: two furnished publishers, their colleagues, and the pages."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_q.models import OrmQ

from orders import hook_desk, lifecycle, status
from orders.admin.gateway import InstallationAdmin
from orders.models import (
    Alert,
    AlertSubscription,
    Attempt,
    Call,
    Delivery,
    Gateway,
    Heartbeat,
    HookMessage,
    HookSubscription,
    Job,
    Order,
    OrderEvent,
    Store,
    TurnedAway,
)
from products import tokens
from products.models import ApiToken, Product, Publisher, SkuAlias
from tests import base

PASSWORD = "a-colleague's-password-41"
PAYLOADS = (
    "<script>alert('x1')</script>",
    '"><img src=x onerror=alert(2)>',
    "'\"><svg/onload=alert(3)>",
    "</textarea><script>alert(4)</script>",
    "javascript:alert(5)",
    "{{ 7|add:'6' }}{% debug %}",
    "</pre></details><iframe srcdoc='<script>parent.alert(7)</script>'>",
    "<a href=javascript:alert(8) autofocus onfocus=alert(8)>x</a>",
)


class Belongings:
    """One row of each kind for a publisher, made the way the desk makes them."""

    def __init__(self, publisher: Publisher, *, domain: str, project: str, sku: str) -> None:
        self.publisher = publisher
        self.product = base.product(publisher, project, title=f"{publisher.name} film", skus=[sku])
        self.alias = self.product.aliases.get()
        self.secret = f"{domain}-signing-canary"
        self.store = base.store(publisher, domain=domain, webhook_secrets=[self.secret])
        body = base.order_body(base.line(sku), base.line(f"{sku}-NEW"), name=f"#{project}")
        base.deliver(body, idpub=publisher.publisher_id, domain=domain, secret=self.secret)
        self.delivery = Delivery.objects.get(store=self.store)
        self.shop_order = Order.objects.get(publisher=publisher, source="shopify")
        self.order = base.place(publisher, (self.product, 2))
        self.attempt = Attempt.objects.create(
            order=self.order, number=1, token=uuid.uuid4(), credential_version=1,
            payload_hash="0" * 64, started_at=timezone.now(),
        )  # fmt: skip
        self.call = Call.objects.create(
            publisher=publisher, purpose="sweep", invoices=1, reserved_at=timezone.now()
        )
        self.turned_away = TurnedAway.objects.create(
            day="2026-11-20", publisher=publisher, kind="size", count=3, last_at=timezone.now()
        )
        self.token, _ = tokens.issue(publisher, f"{publisher.name} shop", ["orders:read"])
        self.user = User.objects.create_user(f"clerk-{project}", password=PASSWORD, is_staff=True)
        publisher.staff.add(self.user)
        self.alert = Alert.objects.create(
            kind="silent", key=str(self.store.pk), publisher=publisher, opened_at=timezone.now(),
            text=f"{domain} has sent nothing for two days.",
        )  # fmt: skip
        self.subscription = AlertSubscription.objects.create(
            user=self.user, publisher=publisher, email=f"desk@{domain}"
        )
        self.job = Job.objects.create(
            kind="hold",
            title=f"Hold 1 order of {publisher.name}",
            publisher=publisher,
            total=1,
            created_by=self.user,
        )
        self.job.rows.create(number=1, label=self.order.invoice, order=self.order, state="done")
        self.hook = hook_desk.make(
            publisher, f"https://{domain}/told", ["order.problem"], actor=lifecycle.WORKER
        )
        self.hook_message = HookMessage.objects.create(
            subscription=self.hook, event=self.order.events.get(), kind="order.problem",
            invoice=self.order.invoice, body="{}",
        )  # fmt: skip
        self.device = TOTPDevice.objects.create(user=self.user, name=f"phone-{project}")

    def of(self, model: type[Model]) -> Any:
        """Return the row of ``model`` that belongs to the publisher."""
        return {
            Publisher: self.publisher,
            Product: self.product,
            SkuAlias: self.alias,
            Store: self.store,
            Delivery: self.delivery,
            Order: self.order,
            Attempt: self.attempt,
            Call: self.call,
            TurnedAway: self.turned_away,
            Alert: self.alert,
            AlertSubscription: self.subscription,
            Job: self.job,
            ApiToken: self.token,
            HookSubscription: self.hook,
            HookMessage: self.hook_message,
            User: self.user,
            TOTPDevice: self.device,
        }[model]


def ours() -> Belongings:
    return Belongings(
        base.northlight(), domain="northlight.myshopify.com", project="66750", sku="VTD234-100"
    )


def theirs() -> Belongings:
    return Belongings(
        base.southwind(), domain="southwind.myshopify.com", project="44100", sku="SW-1"
    )


def installation() -> None:
    """The rows that belong to no publisher."""
    Gateway.objects.update_or_create(pk=Gateway.THE_ONE, defaults={"last_error": "refused"})
    Heartbeat.objects.create(name="worker-1", beat_at=timezone.now())


def registered() -> list[tuple[type[Model], Any]]:
    """Every model of the admin with its admin, by label."""
    found = admin.site._registry.items()
    return sorted(found, key=lambda pair: pair[0]._meta.label)


def owned() -> list[tuple[type[Model], Any]]:
    """Those whose rows belong to a publisher, people included."""
    return [
        (model, page)
        for model, page in registered()
        if not isinstance(page, InstallationAdmin) and model._meta.label != "auth.Group"
    ]


def buttons() -> list[tuple[type[Model], str]]:
    """Every button of every model."""
    return [
        (m, name) for m, page in registered() for name in getattr(page, "button_permissions", ())
    ]


def colleague(
    name: str,
    *publishers: Publisher,
    may: str | Iterable[str] = "all",
    role: str = "",
    superuser: bool = False,
) -> User:
    """A member of staff of a ``role``, a group that the migrations made.

    Without one, ``may`` is ``all``, ``view``, or the code names of permissions.
    """
    user = User.objects.create_user(
        name, password=PASSWORD, is_staff=True, is_superuser=superuser, email=f"{name}@x.example"
    )
    rows = Permission.objects.all()
    if role:
        user.groups.add(Group.objects.get(name=role))
        rows = rows.none()
    elif may == "view":
        rows = rows.filter(codename__startswith="view_")
    elif may != "all":
        rows = rows.filter(codename__in=list(may))
    user.user_permissions.set(rows)
    for publisher in publishers:
        publisher.staff.add(user)
    return user


def signed_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(row_or_model: Any, name: str = "change") -> str:
    """Return the address of a page of the admin: of a row, or of a model."""
    meta = row_or_model._meta
    args = () if name in ("changelist", "add") else (row_or_model.pk,)
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)


def button(row: Any, name: str) -> str:
    return page(row, f"do_{name}")


def press(client: Client, row: Any, name: str, **values: Any) -> Any:
    """Press a button on the row's page as it is now, and follow to the page that answers."""
    shown = {"version": getattr(row, "version", "")}
    return client.post(button(row, name), {**shown, **values}, follow=True)


def said(response: Any) -> list[str]:
    """Return the messages that a page shows."""
    return [str(message) for message in response.context["messages"]]


def html(response: Any) -> str:
    return response.content.decode()


def order_form(order: Order, **changes: Any) -> dict[str, Any]:
    """The form of an order with its lines, as its page would post it."""
    fields = [
        "name",
        "company",
        "address",
        "city",
        "state",
        "zip",
        "country",
        "email",
        "mail_method",
        "special_text",
        "version",
    ]
    form = {name: getattr(order, name) for name in fields}
    form |= {"price": "" if order.price is None else order.price}
    lines = list(order.lines.all())
    form |= {"lines-TOTAL_FORMS": len(lines), "lines-INITIAL_FORMS": len(lines)}
    for number, line in enumerate(lines):
        form |= {
            f"lines-{number}-id": line.pk,
            f"lines-{number}-order": order.pk,
            f"lines-{number}-product": line.product_id,
            f"lines-{number}-quantity": line.quantity,
        }
    return {**form, **changes}


def new_order(
    publisher: Publisher, /, *lines: tuple[Product, int], **changes: Any
) -> dict[str, Any]:
    """The form by which staff add an order to Ana."""
    form = {"publisher": publisher.pk, "mail_method": "", "email": "ana@example.com", "price": ""}
    form |= base.ANA.as_dict()
    form |= {"lines-TOTAL_FORMS": len(lines), "lines-INITIAL_FORMS": 0}
    for number, (product, quantity) in enumerate(lines):
        form |= {f"lines-{number}-product": product.pk, f"lines-{number}-quantity": quantity}
    return {**form, **changes}


def held(publisher: Publisher, *units: Any, **values: Any) -> Order:
    return base.place(publisher, *units, hold_reason="staff", hold_note="Wait.", **values)


def put(order: Order, to: str, **fields: Any) -> Order:
    """Give an order any status, as workers would over time; its version counts on."""
    Order.objects.filter(pk=order.pk).update(status=to, hold_reason="", hold_note="", **fields)
    order.refresh_from_db()
    return lifecycle.record(order, "order.word_changed", actor=lifecycle.WORKER)


def shipped(publisher: Publisher, *units: Any, **fields: Any) -> Order:
    return put(base.place(publisher, *units), status.SHIPPED, **fields)


class Room:
    """Northlight's film, a colleague and the colleague's browser."""

    def __init__(self) -> None:
        self.publisher = base.northlight()
        self.film = base.product(self.publisher)
        self.user = colleague("ana", self.publisher)
        self.client = signed_in(self.user)

    def ready(self, **values: Any) -> Order:
        return base.place(self.publisher, (self.film, 1), **values)

    def held(self, **values: Any) -> Order:
        return held(self.publisher, (self.film, 1), **values)

    def shipped(self) -> Order:
        return shipped(self.publisher, (self.film, 1))

    def press(self, order: Order, name: str, **values: Any) -> list[str]:
        return said(press(self.client, order, name, **values))


def row(order: Order) -> dict[str, Any]:
    return Order.objects.filter(pk=order.pk).values().get()


def state() -> list[Any]:
    """Every order, event and waiting task; the same before and after is "nothing changed"."""
    return [
        list(Order.objects.order_by("pk").values()),
        list(OrderEvent.objects.order_by("pk").values()),
        OrmQ.objects.count(),
    ]


class World:
    """Both publishers, furnished, and a colleague of ours who may do everything to ours."""

    def __init__(self) -> None:
        self.ours, self.theirs = ours(), theirs()
        installation()
        self.user = colleague("ana", self.ours.publisher)
        self.client = signed_in(self.user)


@contextmanager
def statements() -> Iterator[CaptureQueriesContext]:
    """Count the statements of a block, as ``len()`` of what it gives."""
    with CaptureQueriesContext(connection) as seen:
        yield seen
