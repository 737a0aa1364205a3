"""``manage.py demo``: the whole desk on this machine, with a made-up shop and the sandbox."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import requests
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from fulfillment.demo import FOLDER
from orders import deliveries, demo, desk, lifecycle, status, tasks
from orders.demo import Story
from orders.models import Delivery, Order, ShopOrder
from orders.provision import provision
from orders.watchdog import die_with_parent
from products.models import Product, Publisher, SkuAlias

DEADLINE = 120.0


class Command(BaseCommand):
    help = (
        "Show the desk at work: sandbox, web server and workers on this machine, and signed "
        "deliveries followed to their end. DEMO_EXIT=1 stops by itself."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self.address = f"http://127.0.0.1:{os.environ['PORT']}"
        self.sandbox = settings.TREPSTAR_URL
        for name in ("PORT", "SANDBOX_PORT"):
            _check_port(name)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            self._prepare()
            self._start()
            self._tell()
            if os.environ.get("DEMO_EXIT") != "1":
                self._stay()
        except KeyboardInterrupt:
            self.stdout.write("\nThe demo stops.")
        finally:
            self._end()

    def _prepare(self) -> None:
        """Begin anew: an empty database, the catalogue, somebody who may sign in."""
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        (FOLDER / "catalogue.json").write_text(json.dumps(demo.CATALOGUE, indent=2))
        provision(demo.CATALOGUE)
        self.password = secrets.token_urlsafe(9)
        self.user = get_user_model().objects.create_superuser("demo", password=self.password)

    def _start(self) -> None:
        port, sandbox_port = os.environ["PORT"], os.environ["SANDBOX_PORT"]
        manage = [sys.executable, sys.argv[0]]
        self._run(
            *manage, "sandbox", "--port", sandbox_port, "--pace", "5",
            "--accounts", str(FOLDER / "catalogue.json"),
            "--state", str(FOLDER / "sandbox.sqlite3"),
            "--bad-address", demo.BAD_ADDRESS, "--faults", f"hang-accept@{demo.LOST_INVOICE}",
        )  # fmt: skip
        self._run(
            sys.executable, "-m", "gunicorn", "fulfillment.wsgi:application", "--log-level",
            "error", "--bind", f"127.0.0.1:{port}", "--workers", "1",
        )  # fmt: skip
        self._run(*manage, "qworker")
        for address in (f"{self.sandbox}/log.json", f"{self.address}/healthz"):
            self._await(address)

    def _run(self, *command: str) -> None:
        child = subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_parent
        )
        self.children.append(child)

    def _await(self, address: str) -> None:
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            try:
                if requests.get(address, timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        raise CommandError(f"Nothing answered at {address} within 30 seconds.")

    def _tell(self) -> None:
        self.stdout.write("\nDeliveries, as the shop posts them:\n")
        told = demo.stories()
        for number, story in enumerate(told, start=1):
            answer = demo.post(story, self.address)
            invoices = ", ".join(answer["orders"]) or "no order"
            self.stdout.write(f"{number:3}. {story.title}: {answer['outcome']}, {invoices}")
            if answer["reason"]:
                self.stdout.write(f"     {answer['reason']}")
            self._act(story)
        self._follow(told)
        self._count_acceptances()
        self.stdout.write(
            f"\nThe admin:    {self.address}/admin/   sign in as demo with {self.password}"
            f"\nThe sandbox:  {self.sandbox}/\n"
        )

    def _act(self, story: Story) -> None:
        """Do what staff would do in the admin."""
        actor = lifecycle.person(self.user)
        if story.then == "map":
            publisher = Publisher.objects.get(publisher_id=demo.PUBLISHER_ID)
            project = Product.objects.get(publisher=publisher, project_id="66770")
            SkuAlias.objects.create(publisher=publisher, product=project, sku=demo.UNKNOWN_SKU)
            waiting = Delivery.objects.get(webhook_id=story.webhook_id)
            with transaction.atomic():
                answer = deliveries.replay(waiting.pk, actor=actor)
                tasks.nudge()
            self.stdout.write(f"     staff map it to {project} and replay: {answer.invoices[0]}")
        if story.then == "mend":
            order = Order.objects.get(shop_order__shop_order_id=story.order_id())
            with transaction.atomic():
                street = {"address": "9 Harbour Street"}
                edited = desk.edit(order.pk, street, actor=actor, version=order.version)
                desk.release(order.pk, actor=actor, version=edited.version)
                tasks.nudge()
            self.stdout.write("     staff enter the street and release it")

    def _follow(self, told: list[Story]) -> None:
        """Print every change until each order has reached its end, or say which have not."""
        self.stdout.write("\nWhat becomes of the orders:\n")
        wanted = {story.order_id(): sorted(story.ends) for story in told}
        seen: dict[str, str] = {}
        shop_ids: dict[int | None, int] = dict(ShopOrder.objects.values_list("pk", "shop_order_id"))
        begun = time.monotonic()
        while time.monotonic() < begun + DEADLINE:
            found: dict[int, list[str]] = {order_id: [] for order_id in wanted}
            for order in Order.objects.order_by("pk"):
                found[shop_ids[order.shop_order_id]].append(order.status)
                if seen.get(order.invoice) != order.status:
                    seen[order.invoice] = order.status
                    self._print(order, time.monotonic() - begun)
            if all(sorted(found[order_id]) == ends for order_id, ends in wanted.items()):
                return
            time.sleep(0.3)
        late = [f"order {i}: {found[i]} instead of {w}" for i, w in wanted.items() if found[i] != w]
        raise CommandError(f"Not at their end after {DEADLINE:.0f} seconds: {'; '.join(late)}.")

    def _print(self, order: Order, seconds: float) -> None:
        more = order.tracking_id or (order.gateway_error_text if order.status == "problem" else "")
        if order.status == status.SHIPPED and not order.tracking_id:
            more = "letter mail, no tracking by design" if order.is_letter_mail() else ""
        text = f"{seconds:5.1f} s  {order.invoice:36} {order.status:17} {more}"
        self.stdout.write(text.rstrip())

    def _count_acceptances(self) -> None:
        """Compare the sandbox's own history with ours: one acceptance for each order."""
        log = requests.get(f"{self.sandbox}/log.json", timeout=5).json()
        accepted = [
            invoice
            for call in log
            if call["kind"] == "submit" and call["verdict"] == "accepted"
            for invoice in call["invoices"]
        ]
        ours = sorted(Order.objects.values_list("invoice", flat=True))
        if sorted(accepted) != ours:
            raise CommandError(f"The sandbox accepted {sorted(accepted)}, and we made {ours}.")
        lost = accepted.count(demo.LOST_INVOICE)
        self.stdout.write(
            f"\nThe sandbox's own log: {len(accepted)} acceptances for {len(ours)} orders; "
            f"the lost answer's order was accepted {lost} time."
        )

    def _stay(self) -> None:
        self.stdout.write("The demo keeps running. Press Ctrl-C to stop it.")
        while all(child.poll() is None for child in self.children):
            time.sleep(0.5)
        raise CommandError("One of the demo's processes ended by itself.")

    def _end(self) -> None:
        for child in self.children:
            child.terminate()
        for child in self.children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)


def _check_port(name: str) -> None:
    port = os.environ[name]
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise CommandError(f"{name} must be a port number, not {port}.")
    with socket.socket() as test:
        test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            test.bind(("127.0.0.1", int(port)))
        except OSError:
            raise CommandError(
                f"Port {port} is in use; choose another one with {name}=…, or stop what uses it."
            ) from None
