"""Orders in the admin: the list, the page of one order, and what staff may do with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html

from orders import desk, intake, status, tasks
from orders.admin.buttons import Button, Field, WithButtons
from orders.admin.order_form import LineFormSet, OrderForm
from orders.gateway import box_of
from orders.lifecycle import NotNow, person
from orders.models import Attempt, Order, OrderLine
from orders.models.order import Source
from orders.sentences import actor, sentence
from orders.trepstar.wire import submit_fields
from products.scoped import ScopedAdmin

NOTE = Field("note", "Why (shown to everybody)")
ASKABLE = status.ASKED | {status.UNCLEAR}


class FlaggedFilter(admin.SimpleListFilter):
    title = "needs a look"
    parameter_name = "flagged"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Flagged"), ("attention", "Waits for a person")]

    def queryset(self, request: Any, rows: QuerySet[Order]) -> QuerySet[Order]:
        if self.value() == "yes":
            return rows.exclude(flag="")
        if self.value() == "attention":
            return rows.filter(Q(status__in=status.NEEDS_ATTENTION) | ~Q(flag=""))
        return rows


class LineInline(admin.TabularInline):
    model = OrderLine
    formset = LineFormSet
    fields = ("product", "quantity", "sku")
    readonly_fields = ("sku",)
    autocomplete_fields = ("product",)
    extra = 0
    verbose_name_plural = "What is in the box"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj else 1

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        editable = obj is None or obj.status in status.EDITABLE
        return editable and super().has_change_permission(request, obj)

    has_add_permission = has_delete_permission = has_change_permission


@admin.register(Order)
class OrderAdmin(WithButtons, ScopedAdmin):
    """An order is changed through ``orders.desk`` alone; this page never saves its row."""

    form = OrderForm
    change_form_template = "admin/orders/order/change_form.html"
    inlines = (LineInline,)
    list_display = (
        "invoice",
        "status_badge",
        "recipient",
        "reference",
        "pieces",
        "tracking",
        "created_at",
    )
    list_filter = (
        "status",
        FlaggedFilter,
        "hold_reason",
        ("publisher", admin.RelatedOnlyFieldListFilter),
        "mode",
        "source",
        "created_at",
    )
    list_select_related = ("publisher",)
    search_fields = (
        "invoice__istartswith",
        "reference",
        "tracking_id__istartswith",
        "email__istartswith",
        "name",
        "lines__sku__istartswith",
    )
    search_help_text = "Invoice, shop's number, tracking id, e-mail, name or SKU."
    actions = ("hold_selected", "release_selected", "cancel_selected")
    button_names = ("hold", "release", "cancel", "ask", "reship", "seen")
    fieldsets = (
        (None, {"fields": ("publisher", "version")}),
        (
            "Recipient",
            {
                "fields": (
                    "name",
                    "company",
                    "address",
                    ("city", "state"),
                    ("zip", "country"),
                    "email",
                )
            },
        ),
        (
            "How it is made",
            {
                "fields": (
                    "mail_method",
                    "special_text",
                    ("price", "price_on_customs"),
                    "notify_customer",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return super().get_queryset(request).annotate(pieces_sum=Sum("lines__quantity"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only an order that waits for a person has a form; the others are shown."""
        editable = obj is None or obj.status in status.EDITABLE
        return editable and super().has_change_permission(request, obj)

    def may_press(self, request: HttpRequest, row: Order) -> bool:
        return super().has_change_permission(request, row)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("publisher",)

    # The list

    @admin.display(description="status", ordering="status")
    def status_badge(self, order: Order) -> str:
        mark = ' <span class="badge badge-test">test</span>' if order.mode == "test" else ""
        flag = ' <span class="badge badge-flag" title="{}">look</span>' if order.flag else ""
        why = f": {order.get_hold_reason_display()}" if order.hold_reason else ""
        return format_html(
            '<span class="badge badge-{}">{}{}</span>' + mark + flag,
            order.status,
            order.get_status_display(),
            why,
            *([order.flag] if order.flag else []),
        )

    @admin.display(description="to", ordering="name")
    def recipient(self, order: Order) -> str:
        place = ", ".join(part for part in (order.city, order.country) if part)
        return format_html('{} <span class="quiet">{}</span>', order.name or "no name", place)

    @admin.display(description="pieces")
    def pieces(self, order: Any) -> int:
        return order.pieces_sum or 0

    @admin.display(description="tracking")
    def tracking(self, order: Order) -> str:
        if not order.tracking_id:
            return ""
        short = order.tracking_id if len(order.tracking_id) <= 14 else f"…{order.tracking_id[-10:]}"
        return format_html(
            '<a href="{}" title="{}" rel="noreferrer">{}</a>',
            order.tracking_url,
            order.tracking_id,
            short,
        )

    # The page of one order

    def page_of(self, request: HttpRequest, row: Order) -> dict[str, Any]:
        events = row.events.select_related("actor_user")
        fields = row.payload or submit_fields(
            box_of(row, list(row.lines.select_related("product")))
        )
        return {
            "title": row.invoice,
            "timeline": [(event, sentence(event), actor(event)) for event in events],
            "attempts": list(Attempt.objects.filter(order=row)),
            "sent": fields,
            "sends_at": row.next_attempt_at if row.status == status.READY else None,
            "findings": desk.findings_of(row) if row.status in status.EDITABLE else [],
            "letter_mail": row.status == status.SHIPPED and row.is_letter_mail(),
            "reships": list(row.reships.all()),
        }

    def buttons_for(self, request: HttpRequest, row: Order) -> list[Button]:
        here = row.status
        found = []
        if here in status.EDITABLE:
            found.append(Button("release", "Release", style="main"))
        if here in status.EDITABLE | {status.READY} | status.IN_DOUBT:
            until = Field("until", "Until (released by itself then)", "datetime-local")
            label = "Hold" if here != status.HELD else "Change the hold"
            found.append(Button("hold", label, (NOTE, until)))
            late = "TrepStar may have it already; then it cannot be stopped."
            explains = late if here in status.IN_DOUBT else "An order that is cancelled stays so."
            found.append(Button("cancel", "Cancel", (NOTE,), "grave", explains))
        if here in ASKABLE:
            found.append(Button("ask", "Ask TrepStar now"))
        if here in (status.SHIPPED, status.PROBLEM):
            why = Field("reason", "Why it is made again", required=True)
            explains = "TrepStar charges for the new box."
            found.append(Button("reship", "Make it again", (why,), explains=explains))
        if here in status.ASKED - {status.SHIPPED} and row.not_found >= 3:
            explains = "Only if it was deleted on TrepStar's dashboard."
            found.append(Button("cancel", "Deleted at TrepStar", (NOTE,), "grave", explains))
        if row.flag:
            found.append(Button("seen", "I have seen the note"))
        return found

    def do_hold(self, request: HttpRequest, row: Order) -> str:
        until = _moment(request.POST.get("until", ""))
        note = request.POST.get("note", "").strip()
        order = desk.hold(
            row.pk, actor=person(request.user), note=note, until=until, version=_version(request)
        )
        if order.stop_request:
            return f"Order {order.invoice} is being sent; it is held if TrepStar does not get it."
        return f"Order {order.invoice} is held."

    def do_release(self, request: HttpRequest, row: Order) -> str:
        order = desk.release(row.pk, actor=person(request.user), version=_version(request))
        tasks.nudge()
        return f"Order {order.invoice} is released and goes out now."

    def do_cancel(self, request: HttpRequest, row: Order) -> str:
        note = request.POST.get("note", "").strip()
        order = desk.cancel(
            row.pk, actor=person(request.user), note=note, version=_version(request)
        )
        if order.stop_request:
            return (
                f"Order {order.invoice} is being sent; it is cancelled if TrepStar does not get it."
            )
        return f"Order {order.invoice} is cancelled."

    def do_ask(self, request: HttpRequest, row: Order) -> str:
        if row.status not in ASKABLE:
            raise NotNow(f"Order {row.invoice} {row.meaning}, so TrepStar is not asked for it.")
        tasks.async_ask_now(row.pk)
        return f"TrepStar is being asked about {row.invoice}; look again in a moment."

    def do_reship(self, request: HttpRequest, row: Order) -> str:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            raise NotNow("Say why the box is made again; the reason is kept with the order.")
        made = desk.reship(row.pk, actor=person(request.user), reason=reason)
        names = ", ".join(order.invoice for order in made)
        return f"Order {names} was made and is held; release it when it may go out."

    def do_seen(self, request: HttpRequest, row: Order) -> str:
        desk.clear_flag(row.pk, actor=person(request.user))
        return "The note is put away; it stays in the timeline."

    # Adding and editing

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing is saved here: see ``save_related``, which knows the lines as well."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        units = formsets[0].units() if formsets else None
        if change:
            desk.edit(
                form.instance.pk,
                form.changes(),
                actor=person(request.user),
                version=form.cleaned_data["version"],
                units=units,
            )
            return
        orders = intake.place(self._request(form, units), actor=person(request.user))
        form.instance.__dict__.update(orders[0].__dict__)
        if any(order.status == status.READY for order in orders):
            tasks.nudge()
        for order in orders[1:]:
            messages.info(request, f"The rest of it is order {order.invoice}.")
        if orders[0].status == status.HELD:
            messages.warning(request, f"The order is held: {orders[0].hold_note}")

    @staticmethod
    def _request(form: OrderForm, units: Any) -> intake.Request:
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

    def construct_change_message(self, *args: Any, **kwargs: Any) -> list[Any]:
        """The timeline tells what was changed, and by whom."""
        return []

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except NotNow as problem:
            messages.error(request, str(problem))
            return HttpResponseRedirect(request.get_full_path())

    # Several at once

    @admin.action(description="Hold", permissions=["change"])
    def hold_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> None:
        _each(request, rows, desk.hold, "held")

    @admin.action(description="Release", permissions=["change"])
    def release_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> None:
        if _each(request, rows, desk.release, "released"):
            tasks.nudge()

    @admin.action(description="Cancel", permissions=["change"])
    def cancel_selected(self, request: HttpRequest, rows: QuerySet[Order]) -> None:
        _each(request, rows, desk.cancel, "cancelled")


def _each(request: HttpRequest, rows: QuerySet[Order], act: Any, word: str) -> int:
    """Do the same with every order, each in a transaction of its own; tell what went wrong."""
    done, problems = 0, []
    for order_id in rows.values_list("pk", flat=True):
        try:
            act(order_id, actor=person(request.user))
            done += 1
        except NotNow as problem:
            problems.append(str(problem))
    if done:
        messages.success(request, f"{done} {'order was' if done == 1 else 'orders were'} {word}.")
    for told in problems[:20]:
        messages.error(request, told)
    if len(problems) > 20:
        messages.error(request, f"{len(problems) - 20} more orders could not be {word}.")
    return done


def _version(request: HttpRequest) -> int | None:
    value = request.POST.get("version", "")
    return int(value) if value.isascii() and value.isdigit() else None


def _moment(text: str) -> datetime | None:
    """Return a ``datetime-local`` value in the desk's time zone; raises ``NotNow`` for the past."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NotNow("The date until which it is held cannot be read.") from None
    found = found if timezone.is_aware(found) else timezone.make_aware(found)
    if found <= timezone.now():
        raise NotNow("The date until which it is held lies in the past.")
    return found
