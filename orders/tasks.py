"""What django-q2 runs, and when. Tasks take ids only, return nothing, and are safe to run twice.

The tables are the queue: a task is a nudge, and the sweep finds whatever no task came for.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django_q.models import Schedule
from django_q.tasks import async_task

import orders.bulk  # noqa: F401 - registers what its jobs do with a row
from orders import (
    alert_sending,
    alerts,
    breaker,
    clock,
    deliveries,
    desk,
    hook_sending,
    jobs,
    login_check,
    mapping,
    pruning,
    settlement,
    status,
    submission,
    tracking,
    waking,
)
from orders.gateway import configured_gateway
from orders.lifecycle import WORKER, NotNow
from orders.models import Delivery, Heartbeat, Order
from orders.models.shopify import Outcome
from orders.sending import Sender
from products.models import Product, Publisher, SkuAlias

log = logging.getLogger(__name__)

CLAIMING_SECONDS = 15
LOST_AT_MOST = 500
REPLAYED_AT_MOST = 500
TELLING_SECONDS = 30

SCHEDULES = {
    "sync": ("orders.tasks.sync_all", {"schedule_type": Schedule.MINUTES, "minutes": 1}),
    "sweep": ("orders.tasks.sweep", {"schedule_type": Schedule.MINUTES, "minutes": 1}),
    "alert": ("orders.tasks.alert", {"schedule_type": Schedule.MINUTES, "minutes": 1}),
    "alert_hourly": ("orders.tasks.alert_hourly", {"schedule_type": Schedule.HOURLY}),
    "prune": ("orders.tasks.prune", {"schedule_type": Schedule.DAILY}),
}


def register_schedules() -> list[str]:
    """Register the recurring jobs; safe to repeat. Returns their names."""
    with transaction.atomic():
        breaker.locked_state()  # a schedule's name is not unique, so two workers take turns
        for name, (func, when) in SCHEDULES.items():
            same = Schedule.objects.filter(name=name).order_by("pk").values_list("pk", flat=True)
            Schedule.objects.filter(pk__in=list(same[1:])).delete()
            defaults = {"func": func, "args": None, "kwargs": None, "repeats": -1, **when}
            Schedule.objects.update_or_create(name=name, defaults=defaults)
    return list(SCHEDULES)


def nudge() -> None:
    """Wake a worker for new orders, in the caller's transaction: no commit, no nudge."""
    waking.wake("orders.tasks.submit_due")


def async_ask_now(order_id: int) -> None:
    """Have a worker ask TrepStar for one order, so that no page waits for TrepStar."""
    async_task("orders.tasks.ask_now", order_id)


def async_check_login(publisher_id: int) -> None:
    """Have a worker check a publisher's login."""
    async_task("orders.tasks.check_login", publisher_id)


def async_replay_alias(alias_id: int, after_id: int = 0) -> None:
    """Have a worker replay what waits for a mapped SKU, in the caller's transaction."""
    async_task("orders.tasks.replay_alias", alias_id, after_id)


def async_replay_product(product_id: int, after_id: int = 0) -> None:
    """Have a worker replay what waits for a SKU that is a product's project id."""
    async_task("orders.tasks.replay_product", product_id, after_id)


def async_alert() -> None:
    """Have a worker send what is to be told."""
    async_task("orders.tasks.alert")


def submit_due() -> None:
    """Send what is due, several orders at once, for a while; then leave the rest to a new task."""
    stop_at = time.monotonic() + CLAIMING_SECONDS
    if not submission.due(clock.now()).exists():
        return
    sent = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(_ask_meanwhile, sent, stop_at)
        try:
            with Sender(configured_gateway(), settings.SUBMIT_IN_FLIGHT) as sender:
                sender.send_until(stop_at)
        finally:
            sent.set()
        asking.result()
    if time.monotonic() >= stop_at and submission.due(clock.now()).exists():
        nudge()
    tell_clients()


def _ask_meanwhile(sent: threading.Event, stop_at: float) -> None:
    """Ask for what is due while orders are sent, so that a long queue of these holds up no answer.

    An unclear order must not wait until the last ready one has gone.
    """
    try:
        while not sent.wait(settings.SWEEP_SECONDS) and time.monotonic() < stop_at:
            _sync_until(stop_at)
    finally:
        connection.close()


def sync_all() -> None:
    """Ask TrepStar for news of the publishers that have something due, for a while."""
    _sync_until(time.monotonic() + CLAIMING_SECONDS)
    tell_clients()


def _sync_until(stop_at: float) -> None:
    gateway = configured_gateway()
    for publisher_id in tracking.due_publishers():
        if time.monotonic() >= stop_at:
            break
        try:
            tracking.sync(publisher_id, gateway, may_go_on=lambda: time.monotonic() < stop_at)
        except Exception:
            log.exception("Publisher %s could not be asked for.", publisher_id)


def work_jobs() -> None:
    """Do rows of the jobs that wait, for a while; then leave the rest to a new task."""
    jobs.go_on(time.monotonic() + CLAIMING_SECONDS)
    if submission.due(clock.now()).exists():
        waking.wake("orders.tasks.submit_due")
    if jobs.waiting(clock.now()).exists():
        async_task("orders.tasks.work_jobs")
    tell_clients()


def deliver_hooks() -> None:
    """Tell the webhooks of clients what happened, for a while; one that fails rests meanwhile."""
    hook_sending.deliver(time.monotonic() + CLAIMING_SECONDS)
    tell_clients()


def tell_clients() -> None:
    """Wake a worker for the webhooks of clients if one of them is to be told something."""
    if hook_sending.due(clock.now()).exists():
        waking.wake("orders.tasks.deliver_hooks")


def sweep() -> None:
    """Find what is due in the tables and see to it that somebody does it."""
    now = clock.now()
    _settle_lost(now)
    desk.release_expired_holds()
    failed = Delivery.objects.filter(
        outcome=Outcome.QUARANTINED,
        failures__gt=0,
        failures__lt=deliveries.MAX_TRIES,
        body__isnull=False,
    )
    for delivery_id in failed.values_list("pk", flat=True)[:100]:
        deliveries.replay(delivery_id, actor=WORKER)
    if submission.due(now).exists():
        waking.wake("orders.tasks.submit_due")
    if tracking.due_publishers():
        waking.wake("orders.tasks.sync_all")
    if jobs.waiting(now).exists():
        waking.wake("orders.tasks.work_jobs")
    tell_clients()


def _settle_lost(now: datetime) -> None:
    """Settle the orders of workers that were lost; one that cannot be holds up no other."""
    lost = Order.objects.filter(status=status.SUBMITTING, lease_until__lte=now)
    found = list(lost.order_by("lease_until").values_list("pk", flat=True)[:LOST_AT_MOST])
    try:
        settlement.settle_lost(*found)
    except NotNow:
        for order_id in found:
            try:
                settlement.settle_lost(order_id)
            except NotNow:
                log.exception("Order %s could not be settled.", order_id)


def check_login(publisher_id: int) -> None:
    """Ask TrepStar whether a publisher's login is right."""
    login_check.check_login(Publisher.objects.get(pk=publisher_id), configured_gateway())


def ask_now(order_id: int) -> None:
    """Ask TrepStar for one order, as a member of staff wished."""
    order = Order.objects.select_related("publisher").get(pk=order_id)
    tracking.ask_now(order, configured_gateway())


def replay_alias(alias_id: int, after_id: int = 0) -> None:
    """Replay the deliveries that wait for a mapped SKU, for a while; then leave the rest.

    ``after_id`` is the last delivery of the task before. What was replayed waits no longer, so that
    two tasks at once, or one that runs twice, make nothing twice.
    """
    for alias in SkuAlias.objects.filter(pk=alias_id).select_related("publisher"):
        done = _replay(alias.publisher, alias.key, after_id)
        if done.more:
            async_replay_alias(alias_id, after_id=done.last_id)


def replay_product(product_id: int, after_id: int = 0) -> None:
    """The same for a SKU that is the project id of a product."""
    for product in Product.objects.filter(pk=product_id).select_related("publisher"):
        done = _replay(product.publisher, product.project_id, after_id)
        if done.more:
            async_replay_product(product_id, after_id=done.last_id)


def _replay(publisher: Publisher, key: str, after_id: int) -> mapping.Replayed:
    stop_at = time.monotonic() + CLAIMING_SECONDS
    done = mapping.replay(
        publisher,
        [key],
        actor=WORKER,
        most=REPLAYED_AT_MOST,
        after=after_id,
        may_go_on=lambda: time.monotonic() < stop_at,
    )
    if submission.due(clock.now()).exists():
        waking.wake("orders.tasks.submit_due")
    return done


def alert() -> None:
    """See what is wrong now, and tell whoever wants to know; called every minute.

    Also called by a watchdog whose workers do not: see ``orders.watchdog``.
    """
    alerts.review()
    alert_sending.tell(time.monotonic() + TELLING_SECONDS)


def alert_hourly() -> None:
    """See also what takes long to look for, such as projects that nobody orders."""
    alerts.review(slow=True)


def prune() -> None:
    """Forget what need not be kept; every night."""
    pruning.prune()


def canary() -> None:
    """Do nothing: that it came through the whole cluster is what counts.

    It rests for longer than a cluster's poll: else the cluster that looks first takes all, and a
    healthy one beside it, which gets none, is taken for frozen and killed.
    """
    time.sleep(0.3)


def beat(sender: Any, task: dict[str, Any], **kwargs: Any) -> None:
    """Write the heartbeat of this cluster; runs where a finished task is acknowledged."""
    name = settings.CLUSTER_NAME
    if name:
        Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": clock.now()})
