"""Making an order by hand: prefilled from another one, checked while it is typed, made once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from orders import intake, once, status, tasks
from orders.address_text import split_address
from orders.admin.order_form import OrderForm
from orders.desk import EDITABLE_FIELDS
from orders.gateway import price_of
from orders.lifecycle import NotNow, person
from orders.models import Order
from orders.models.order import Source
from orders.privacy import ERASED
from products.models import Publisher

MAX_ID = 2**63 - 1


class OrderAdding:
    """A mixin for the order admin: its add form, and what the form asks the server while typed."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        own = [
            path("add/check/", view(self.check_view), name="orders_order_check"),
            path("add/split/", view(self.split_view), name="orders_order_split"),
        ]
        return own + super().get_urls()  # type: ignore[misc]

    # The form

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {
            "token": request.POST.get("token") or str(uuid4()),
            "copied": self._original(request) if request.method == "GET" else None,
            **(extra_context or {}),
        }
        return super().add_view(request, form_url, context)  # type: ignore[misc]

    def _original(self, request: HttpRequest) -> Order | None:
        """Return the order of which a copy is asked for; 404 where the user may not see it."""
        asked = request.GET.get("from")
        if asked is None:
            return None
        known = asked.isascii() and asked.isdigit() and int(asked) <= MAX_ID
        row = self.get_queryset(request).filter(pk=asked).first() if known else None  # type: ignore[attr-defined]
        if row is None or not self.has_view_permission(request, row):  # type: ignore[attr-defined]
            raise Http404
        return row

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in the order that is copied; else the user's only publisher."""
        row = self._original(request)
        if row is None:
            initial = super().get_changeform_initial_data(request)  # type: ignore[misc]
            only = list(Publisher.objects.for_user(request.user)[:2])
            return {"publisher": only[0].pk, **initial} if len(only) == 1 else initial
        copied = {name: getattr(row, name) for name in EDITABLE_FIELDS}
        if row.name == ERASED:
            copied |= {"name": "", "email": ""}
        return {"publisher": row.publisher_id, **copied}

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> Any:
        """Fill in the lines of the order that is copied."""
        made = super().get_formset_kwargs(request, obj, inline, prefix)  # type: ignore[misc]
        row = self._original(request) if request.method == "GET" and obj.pk is None else None
        if row is not None:
            lines = row.lines.select_related("product")
            made["initial"] = [{"product": li.product_id, "quantity": li.quantity} for li in lines]
        return made

    # Saving

    def make(self, request: HttpRequest, form: OrderForm, units: Any) -> None:
        """Make what the form asks for, tell of it, and put the first order into the form."""
        wanted = self.wanted(form, units)
        orders = once.place(_token(request), wanted, actor=person(request.user))
        form.instance.__dict__.update(orders[0].__dict__)
        if any(order.status == status.READY for order in orders):
            tasks.nudge()
        for order in orders[1:]:
            messages.info(request, f"The rest of it is order {order.invoice}.")
        if orders[0].status == status.HELD:
            messages.warning(request, f"The order is held: {orders[0].hold_note}")

    @staticmethod
    def wanted(form: OrderForm, units: Any) -> intake.Request:
        """Return what a valid form asks for."""
        wanted = form.changes()
        return intake.Request(
            publisher=form.cleaned_data["publisher"],
            source=Source.ADMIN,
            recipient=form.recipient(),
            units=tuple(units or ()),
            email=wanted["email"],
            mail_method=wanted["mail_method"] or None,
            special_text=wanted["special_text"],
            price=wanted["price"],
            price_on_customs=wanted["price_on_customs"],
            notify_customer=wanted["notify_customer"],
        )

    def response_post_save_add(self, request: HttpRequest, obj: Order) -> HttpResponseRedirect:
        """Show the order that was made, with its invoice."""
        if self.has_view_permission(request, obj):  # type: ignore[attr-defined]
            return HttpResponseRedirect(order_page(obj))
        return super().response_post_save_add(request, obj)  # type: ignore[misc]

    def made_before(self, request: HttpRequest, problem: once.AlreadyMade) -> HttpResponse:
        """Answer a second press of Save: lead to what the first one made."""
        messages.warning(request, str(problem))
        return HttpResponseRedirect(order_page(problem.order))

    # What the form asks for while it is typed

    @method_decorator(require_POST)
    def split_view(self, request: HttpRequest) -> HttpResponse:
        """Split a pasted ``text`` into the fields of a recipient. Changes nothing."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):  # type: ignore[attr-defined]
            raise PermissionDenied
        try:
            found = split_address(request.POST.get("text", ""))
        except ValueError as problem:
            return JsonResponse({"error": str(problem)}, status=400)
        fields = {**found.recipient.as_dict(), "email": found.email}
        told = {"unplaced": found.unplaced, "notes": found.notes}
        return JsonResponse({"fields": {k: v for k, v in fields.items() if v}, **told})

    @method_decorator(require_POST)
    def check_view(self, request: HttpRequest) -> HttpResponse:
        """Say what would become of the form as it stands. Changes nothing."""
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        made = self.get_form(request, None, change=False)(request.POST)  # type: ignore[attr-defined]
        inlines = self.get_inline_instances(request)  # type: ignore[attr-defined]
        if not all(inline.has_add_permission(request, None) for inline in inlines):
            raise PermissionDenied
        findings = list(_form_findings(made))
        for inline in inlines:
            lines = inline.get_formset(request)(
                request.POST, instance=made.instance, prefix="lines"
            )
            findings += [] if lines.is_valid() else _line_findings(lines)
        if findings or not inlines:
            return JsonResponse({"findings": findings, "summary": ""})
        return JsonResponse(_outlook(self.wanted(made, lines.units())))


def order_page(order: Order) -> str:
    return reverse("admin:orders_order_change", args=[order.pk])


def _token(request: HttpRequest) -> UUID | None:
    """Return the sheet's number; raises ``NotNow`` for a spoilt one."""
    text = request.POST.get("token", "")
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise NotNow("The form was damaged on its way. Fill it in once more.") from None


def _form_findings(form: OrderForm) -> Iterator[dict[str, str]]:
    for name, errors in form.errors.items():
        label = form.fields[name].label or name if name in form.fields else ""
        for text in errors:
            yield {"field": name, "text": f"{label}: {text}" if label else str(text)}


def _line_findings(lines: Any) -> list[dict[str, str]]:
    told = list(lines.non_form_errors())
    for number, errors in enumerate(lines.errors, start=1):
        told += [f"Line {number}: {text}" for texts in errors.values() for text in texts]
    return [{"field": "lines", "text": str(text)} for text in dict.fromkeys(told)]


def _outlook(request: intake.Request) -> dict[str, Any]:
    """Return the findings on every box of a request, and a sentence about what happens on Save."""
    boxes = intake.preview(request)
    findings = {f.text: {"field": f.field, "text": f.text} for _, _, found in boxes for f in found}
    pieces = sum(unit.quantity for unit in request.units)
    total = sum(price_of(order, lines) for order, lines, _ in boxes)
    parts = [
        f"{pieces} {'piece' if pieces == 1 else 'pieces'}",
        f"{len(boxes)} {'box' if len(boxes) == 1 else 'boxes'}",
        f"by {boxes[0][0].get_mail_method_display()}",
        f"${total:.2f} printed" if total else "no price printed",
    ]
    if findings:
        then = "Saved like this, it is held until it is mended."
    elif request.publisher.auto_submit:
        then = "Saved like this, it goes out by itself."
    else:
        then = "Saved like this, it waits for its release, as this publisher's new orders do."
    return {"findings": list(findings.values()), "summary": f"{', '.join(parts)}. {then}"}
