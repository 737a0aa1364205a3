"""The SKU mapping desk: what waits, what a SKU may stand for, a preview, mapping and replay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from fulfillment.admin import DeskAdminSite, Page
from orders import mapping, mapping_preview, tasks, waiting
from orders.admin import mapping_words
from orders.lifecycle import NotNow, person
from orders.mapping import Decision
from products.models import Product, Publisher

VIEW, MAP, REMAP, REPLAY = (
    "orders.view_delivery",
    "products.add_skualias",
    "products.change_skualias",
    "orders.replay_delivery",
)
AT_ONCE = 20
SHOWN_NAMELESS = 10
SHOWN_PRODUCTS = 20
FEW_PRODUCTS = 30
BUSY = (
    "Somebody else works on the same orders at this moment, so nothing was changed. "
    "Try again in a moment."
)


@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """List the SKUs that wait, of one publisher at a time."""
    publishers = Publisher.objects.for_user(request.user)
    waits = waiting.counts(publishers)
    choices = sorted(publishers, key=lambda one: (-waits.get(one.pk, 0), one.name))
    asked = request.GET.get("publisher", "")
    chosen = _publisher(request, asked) if asked else next(iter(choices), None)
    context: dict[str, Any] = {
        "publisher": chosen,
        "publishers": [(one, waits.get(one.pk, 0)) for one in choices],
    }
    if chosen is not None:
        context |= _listed(request, chosen, waits.get(chosen.pk, 0))
    return _page(request, "desk", "SKU mapping", context)


def _listed(request: HttpRequest, publisher: Publisher, total: int) -> dict[str, Any]:
    pages = max(1, math.ceil(total / waiting.PAGE))
    number = min(_number(request.GET.get("page", "")) or 1, pages)
    rows = waiting.skus(publisher, start=(number - 1) * waiting.PAGE)
    nameless, nameless_total = waiting.nameless(publisher, SHOWN_NAMELESS)
    few = list(Product.objects.filter(publisher=publisher, active=True)[: FEW_PRODUCTS + 1])
    return {
        "rows": rows,
        "total": total,
        "number": number,
        "last_page": pages,
        "products": few if len(few) <= FEW_PRODUCTS else [],
        "nameless": nameless,
        "nameless_more": nameless_total - len(nameless),
        "may_decide": request.user.has_perm(MAP) or request.user.has_perm(REPLAY),
    }


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Show one SKU with the products that it may stand for, found by words."""
    publisher = _publisher(request, request.GET.get("publisher", ""))
    key = request.GET.get("sku", "").replace("\0", "")
    row = waiting.one(publisher, key)
    if row is None:
        messages.info(request, f"No delivery waits for the SKU {key} any more.")
        return _back(publisher)
    words = request.GET.get("q", "").replace("\0", "").strip()[:200]
    found = Product.objects.filter(publisher=publisher)
    for word in words.split()[:8]:
        like = Q(title__icontains=word) | Q(project_id__startswith=word)
        found = found.filter(like | Q(aliases__sku__icontains=word))
    alike: dict[int, Product] = {}
    if not words:
        likely = [one.pk for one in row.suggested]
        alike = Product.objects.prefetch_related("aliases").in_bulk(likely)
        found = found.exclude(pk__in=likely)
    shown = list(found.distinct().prefetch_related("aliases")[: SHOWN_PRODUCTS + 1])
    context = {
        "publisher": publisher,
        "row": row,
        "q": words,
        "suggested": [alike[one.pk] for one in row.suggested if one.pk in alike],
        "found": shown[:SHOWN_PRODUCTS],
        "more": len(shown) > SHOWN_PRODUCTS,
    }
    return _page(request, "choose", f"What does {row.sku} stand for?", context)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Show what the decisions would make; nothing is written."""
    publisher, decisions = _asked(request)
    if not decisions:
        messages.warning(request, "Choose what at least one SKU stands for.")
        return _back(publisher)
    try:
        found = mapping_preview.preview(publisher, decisions, actor=person(request.user))
        meanings = _meanings(publisher, decisions)
    except (NotNow, OperationalError) as problem:
        return _refused(request, publisher, problem)
    context = {
        "publisher": publisher,
        "decisions": meanings,
        "writes": any(decision.writes for decision in decisions),
        "found": found,
        "left": found.deliveries - found.looked_at,
    }
    return _page(request, "preview", "What would be made", context)


def _meanings(
    publisher: Publisher, decisions: Sequence[Decision]
) -> list[tuple[Decision, str, str]]:
    """Return each decision with the SKU as the shop writes it, and what it will stand for."""
    spelled = waiting.spelled(publisher, [decision.key for decision in decisions])
    kept = mapping.meanings(publisher, [one.key for one in decisions if not one.writes])
    wanted = [int(one.choice) for one in decisions if one.choice.isdigit()]
    products = Product.objects.filter(publisher=publisher).in_bulk(wanted)
    found = []
    for one in decisions:
        if one.choice.isdigit():
            meaning = str(products[int(one.choice)])
        else:
            meaning = kept.get(one.key, "") if not one.writes else "not ours to make"
        found.append((one, spelled.get(one.key) or one.key, meaning))
    return found


@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Map, and replay what waits: a few deliveries at once, the rest by a worker."""
    publisher, decisions = _asked(request)
    replays = request.POST.get("replay") == "yes"
    if replays and not request.user.has_perm(REPLAY):
        raise PermissionDenied
    keys = [decision.key for decision in decisions]
    if not decisions:
        return _back(publisher)
    try:
        with transaction.atomic():
            written = mapping.apply(publisher, decisions)
            mapping_words.log(request, written, {one.key for one in decisions if one.replaces})
            waits = mapping.deliveries_of(publisher, keys).count()
            if replays and waits > AT_ONCE:
                _leave_to_a_worker(publisher, keys)
    except (NotNow, OperationalError) as problem:
        return _refused(request, publisher, problem)
    if written:
        messages.success(request, mapping_words.mapped(written))
    if replays:
        _replay(request, publisher, keys, waits)
    elif waits:
        messages.info(request, f"{mapping_words.waits(waits)} for a replay; nothing was made yet.")
    return _back(publisher)


def _leave_to_a_worker(publisher: Publisher, keys: Sequence[str]) -> None:
    alias_ids, product_ids = mapping.ids_of(publisher, keys)
    for alias_id in alias_ids:
        tasks.async_replay_alias(alias_id)
    for product_id in product_ids:
        tasks.async_replay_product(product_id)


def _refused(request: HttpRequest, publisher: Publisher, problem: Exception) -> HttpResponse:
    """Tell why nothing was done: what the rules say, or that a lock was not to be had in time."""
    told = str(problem) if isinstance(problem, NotNow) else BUSY
    messages.error(request, told)
    return _back(publisher)


def _replay(request: HttpRequest, publisher: Publisher, keys: Sequence[str], waits: int) -> None:
    done = mapping.replay(publisher, keys, actor=person(request.user), most=AT_ONCE)
    orders = done.orders(publisher)
    if any(order.status == "ready" for order in orders):
        tasks.nudge()
    messages.success(request, mapping_words.replayed(done, orders))
    if done.failed:
        messages.error(request, f"{done.failed} of them could not be read; see the deliveries.")
    if waits > AT_ONCE:
        left = max(0, waits - done.deliveries)
        messages.info(request, f"A worker reads the other {left} again; this list shrinks with it.")


def _asked(request: HttpRequest) -> tuple[Publisher, list[Decision]]:
    """Read a posted form: the publisher, and what was decided. Refuses those who may not."""
    publisher = _publisher(request, request.POST.get("publisher", ""))
    names = ("key", "choice", "seen")
    columns = [request.POST.getlist(name)[: 2 * waiting.PAGE] for name in names]
    rows = zip(*columns, strict=False)
    by_key = {
        key: Decision(key, choice, seen)
        for key, choice, seen in rows
        if key and choice and "\0" not in key + choice + seen
    }
    decisions = list(by_key.values())
    may = request.user.has_perm
    if not may(MAP) and (not may(REPLAY) or any(one.writes for one in decisions)):
        raise PermissionDenied
    if any(one.replaces for one in decisions) and not may(REMAP):
        raise PermissionDenied
    return publisher, decisions


def _publisher(request: HttpRequest, asked: str) -> Publisher:
    number = _number(asked)
    found = Publisher.objects.for_user(request.user).filter(pk=number).first() if number else None
    if found is None:
        raise Http404
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _back(publisher: Publisher) -> HttpResponseRedirect:
    return HttpResponseRedirect(
        f"{reverse('admin:mapping')}?{urlencode({'publisher': publisher.pk})}"
    )


def _page(request: HttpRequest, name: str, title: str, context: dict[str, Any]) -> HttpResponse:
    may = request.user.has_perm
    common = {
        "title": title,
        "may_map": may(MAP),
        "may_remap": may(REMAP),
        "may_replay": may(REPLAY),
    }
    known = {**admin.site.each_context(request), **common, **context}
    return TemplateResponse(request, f"admin/mapping/{name}.html", known)


for _route, _name, _view, _permission, _label in (
    ("mapping/", "mapping", desk, VIEW, "SKU mapping"),
    ("mapping/choose/", "mapping_choose", choose, MAP, ""),
    ("mapping/preview/", "mapping_preview", preview, VIEW, ""),
    ("mapping/confirm/", "mapping_confirm", confirm, VIEW, ""),
):
    cast(DeskAdminSite, admin.site).register_page(
        Page(_route, _name, _view, _permission, _label, 2)
    )
