"""``orders/{invoice}/hold/`` and its kind: what may be done with an order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import desk, status, tasks
from orders.api.authentication import actor_of
from orders.api.order_forms import CancelForm, HoldForm, NoteForm, ReshipForm
from orders.api.order_shapes import OrderShape, OrdersShape
from orders.api.orders import OrderView
from orders.api.permissions import Needs
from orders.api.problems import Problem
from orders.api.strict import NothingMore
from orders.api.views import ANY, wanted_version
from orders.lifecycle import Changed, NotNow
from orders.models import Order

WRITE = "orders:write"


class Action(OrderView):
    """A mixin: something is done with one order, at the version in ``If-Match`` if there is one."""

    if_match = {"POST": False}

    def act(
        self, request: Request, form: Any, work: Callable[[Order, dict[str, Any], Any], Response]
    ) -> Response:
        """Do ``work(order, checked body, version)`` once for each idempotency key."""

        def once() -> Response:
            order = self.found()
            wanted = wanted_version(request)
            version = None if wanted == ANY else wanted
            given = self.checked(form, request)
            try:
                return work(order, given, version)
            except Changed as error:
                if version is None:
                    raise
                raise Problem("stale", str(error)) from None

        return self.once(request, once)


class Hold(Action):
    needs = {"POST": Needs(WRITE, "orders.hold_order")}

    @extend_schema(operation_id="orders_hold", request=HoldForm, responses=OrderShape)
    def post(self, request: Request, invoice: str) -> Response:
        """Hold an order.

        One that is being sent is held as soon as it is known that TrepStar does not have it; until
        then `stop_request` says so.
        """
        return self.act(request, HoldForm, self._hold)

    def _hold(self, order: Order, form: dict[str, Any], version: int | None) -> Response:
        actor = actor_of(self.request)
        held = desk.hold(
            order.pk, actor=actor, note=form["note"], until=form["until"], version=version
        )
        return self.one(held)


class Release(Action):
    needs = {"POST": Needs(WRITE, "orders.release_order")}

    @extend_schema(operation_id="orders_release", request=NothingMore, responses=OrderShape)
    def post(self, request: Request, invoice: str) -> Response:
        """Let a held or refused order go out.

        One that TrepStar would refuse stays held; the answer is 409 with the findings.
        """
        return self.act(request, NothingMore, self._release)

    def _release(self, order: Order, form: dict[str, Any], version: int | None) -> Response:
        released = desk.release(order.pk, actor=actor_of(self.request), version=version)
        tasks.nudge()
        return self.one(released)


class Cancel(Action):
    needs = {"POST": Needs(WRITE, "orders.cancel_order")}

    @extend_schema(operation_id="orders_cancel", request=CancelForm, responses=OrderShape)
    def post(self, request: Request, invoice: str) -> Response:
        """Cancel an order that TrepStar does not have. It stays cancelled."""
        return self.act(request, CancelForm, self._cancel)

    def _cancel(self, order: Order, form: dict[str, Any], version: int | None) -> Response:
        actor = actor_of(self.request)
        return self.one(desk.cancel(order.pk, actor=actor, note=form["note"], version=version))


class Refresh(Action):
    needs = {"POST": Needs(WRITE, "orders.refresh_order")}

    @extend_schema(operation_id="orders_refresh", request=NothingMore, responses={202: OrderShape})
    def post(self, request: Request, invoice: str) -> Response:
        """Have TrepStar asked for an order; read the order again in a moment."""
        return self.act(request, NothingMore, self._refresh)

    def _refresh(self, order: Order, form: dict[str, Any], version: int | None) -> Response:
        if version not in (None, order.version):
            raise Changed(order.invoice)
        if order.status not in status.ASKABLE:
            raise NotNow(f"Order {order.invoice} {order.meaning}, so TrepStar is not asked for it.")
        tasks.async_ask_now(order.pk)
        return self.one(order, 202)


class Reship(Action):
    needs = {"POST": Needs(WRITE, "orders.reship_order")}

    @extend_schema(operation_id="orders_reship", request=ReshipForm, responses={201: OrdersShape})
    def post(self, request: Request, invoice: str) -> Response:
        """Make a shipped box again, under a new invoice, held until it is released."""
        return self.act(request, ReshipForm, self._reship)

    def _reship(self, order: Order, form: dict[str, Any], version: int | None) -> Response:
        actor = actor_of(self.request)
        made = desk.reship(order.pk, actor=actor, reason=form["reason"], version=version)
        return self.made(made)


class Note(Action):
    needs = {"POST": Needs(WRITE, "orders.note_order")}

    @extend_schema(operation_id="orders_note", request=NoteForm, responses=OrderShape)
    def post(self, request: Request, invoice: str) -> Response:
        """Write a note into the timeline of an order."""
        return self.act(request, NoteForm, self._note)

    def _note(self, order: Order, form: dict[str, Any], version: int | None) -> Response:
        if version not in (None, order.version):
            raise Changed(order.invoice)
        return self.one(desk.note(order.pk, form["text"], actor=actor_of(self.request)))
