"""Needs attention: the queue of everything that waits for a person, one after the other."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from fulfillment.admin import Page
from orders import attention, clock, desk, links, tasks
from orders.admin.attention_cards import cards
from orders.admin.buttons import back_to_queue
from orders.admin.mend_form import COUNTRY_LIST, MENDABLE, MendForm
from orders.attention import Key, Place
from orders.countries import COUNTRIES
from orders.lifecycle import NotNow, person
from orders.models import Delivery, Order
from orders.reasons import REASONS
from products.models import Publisher

PAGE_SIZE = 25


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Show what waits, oldest first, from the place in the address on."""
    return _show(request, request.GET)


def _show(request: HttpRequest, asked: QueryDict, typed: MendForm | None = None) -> HttpResponse:
    publishers = list(Publisher.objects.for_user(request.user).only("name", "publisher_id"))
    place = _place(asked, publishers)
    now = clock.now()
    rows, more = attention.page(place, now, PAGE_SIZE)
    if not rows and place.start is not None:
        # The end was reached: what was passed over on the way is shown again.
        return HttpResponseRedirect(_address(asked))
    shown = cards(request, rows, now, typed)
    context = {
        **admin.site.each_context(request),
        "title": "Needs attention",
        "cards": shown,
        "tabs": _tabs(asked, attention.counts(request.user, place.publishers, now)),
        "reason": REASONS.get(place.reason),
        "publishers": publishers,
        "place": {name: asked.get(name, "") for name in ("reason", "publisher")},
        "from_start": _address(asked) if place.start is not None else "",
        "next_page": _address(asked, after=shown[-1].key) if more else "",
        "countries": COUNTRIES.values() if any(card.form for card in shown) else (),
        "country_list": COUNTRY_LIST,
    }
    return render(request, "admin/attention.html", context)


def _place(asked: QueryDict, publishers: list[Publisher]) -> Place:
    """Return the place that the address names; raises 404 for what is not there for this user."""
    ids = {str(publisher.pk): publisher.pk for publisher in publishers}
    reason, chosen = asked.get("reason", ""), asked.get("publisher", "")
    if (reason and reason not in REASONS) or (chosen and chosen not in ids):
        raise Http404
    inclusive = "from" in asked
    start = Key.read(asked.get("from" if inclusive else "after", ""))
    seen = [ids[chosen]] if chosen else list(ids.values())
    return Place(seen, reason, start, inclusive)


def _address(asked: QueryDict, **changes: str) -> str:
    """Return the address of the queue for the same reason and publisher."""
    kept = {name: asked.get(name, "") for name in ("reason", "publisher")}
    return links.queue(**{**kept, **changes})


def _tabs(asked: QueryDict, counted: dict[str, int]) -> list[dict[str, Any]]:
    here = asked.get("reason", "")
    return [
        {
            "label": REASONS[slug].label if slug else "All",
            "address": _address(asked, reason=slug),
            "count": attention.told(count),
            "here": slug == here,
        }
        for slug, count in counted.items()
        if count or slug in ("", here)
    ]


@require_POST
def mend(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the fields that were mended in the queue and, with ``release``, let the order go."""
    rows = Order.objects.for_user(request.user).select_related("publisher")
    order = get_object_or_404(rows, pk=pk)
    goes_on = "release" in request.POST
    if goes_on and not request.user.has_perm("orders.release_order"):
        raise PermissionDenied
    names = [name for name in MENDABLE if name in request.POST]
    form = MendForm(request.POST, instance=order, names=names, auto_id=f"mend-{pk}-%s")
    if not form.is_valid():
        return _refuse(request, form)
    done = False
    try:
        order = desk.edit(
            pk, form.changes(), actor=person(request.user), version=form.cleaned_data["version"]
        )
        told = f"Order {order.invoice} is saved. It waits until it is released."
        if goes_on:
            told, done = _release(request, order), True
    except NotNow as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, told)
    return _back(request, done=done)


def _release(request: HttpRequest, order: Order) -> str:
    """Release what was just saved; raises ``NotNow`` where it stays, saved as it is."""
    try:
        with transaction.atomic():
            desk.release(order.pk, actor=person(request.user), version=order.version)
            tasks.nudge()
    except desk.Unfit as problem:
        raise NotNow(f"What you entered is saved, but it is not released. {problem}") from None
    return f"Order {order.invoice} is saved, released, and goes out now."


def _refuse(request: HttpRequest, form: MendForm) -> HttpResponse:
    for name, errors in form.errors.items():
        field = form.fields.get(name)
        label = str(field.label or name).capitalize() if field and name != "version" else ""
        for text in errors:
            messages.error(request, f"{label}: {text}" if label else str(text))
    asked = QueryDict(mutable=True)
    for name in ("reason", "publisher"):
        asked[name] = request.POST.get(f"queue_{name}", "")
    asked["from"] = request.POST.get("queue_key", "")
    return _show(request, asked, form)


@require_POST
def put_away(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a delivery that cannot be used out of the queue, with a note that says why."""
    delivery = get_object_or_404(Delivery.objects.for_user(request.user).defer("body"), pk=pk)
    note = request.POST.get("note", "").replace("\x00", "").strip()
    done = False
    try:
        attention.put_away(delivery.pk, who=str(request.user), note=note)
    except NotNow as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "The delivery is put away; it can still be replayed.")
        done = True
    return _back(request, done=done)


def _back(request: HttpRequest, *, done: bool) -> HttpResponse:
    return HttpResponseRedirect(back_to_queue(request, done=done) or reverse("admin:attention"))


QUEUE = Page("attention/", "attention", queue, "orders.view_order", "Needs attention", 1)
MEND = Page("attention/order/<int:pk>/mend/", "attention_mend", mend, "orders.change_order")
PUT_AWAY = Page(
    "attention/delivery/<int:pk>/put-away/",
    "attention_put_away",
    put_away,
    "orders.replay_delivery",
)
