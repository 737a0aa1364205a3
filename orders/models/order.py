"""One box to one address: the order, its lines, and the timeline that is only ever added to."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from orders import status
from orders.countries import COUNTRIES
from orders.models.order_indexes import INDEXES, MISSES_UNTIL_FLAG
from orders.models.order_rows import OrderQuerySet
from orders.models.prefix import PrefixIndex
from orders.status import CHOICES, HOLD_CHOICES
from orders.trepstar.wire import MAX_INVOICE_LENGTH, MAX_PIECES, MAX_SPECIAL_TEXT
from products.models import MailMethod, Mode, Product, Publisher, no_html

TRACKING_URL = "https://www.endicia.com/tracking/?pic="


def tracking_url(tracking_id: str) -> str:
    """Return the page that shows where a parcel is, or blank for a blank tracking id."""
    return TRACKING_URL + quote(tracking_id, safe="") if tracking_id else ""


class Source(models.TextChoices):
    SHOPIFY = "shopify", "Shopify"
    ADMIN = "admin", "Admin"
    API = "api", "REST API"
    CSV = "csv", "Spreadsheet"
    GATEWAY = "gateway", "TrepStar script"


class Order(models.Model):
    """One box to one address under one invoice.

    ``status`` and the timeline are written by ``orders.lifecycle`` alone; every other change goes
    through ``orders.desk``, guarded by ``version``. Nothing saves whole rows.
    """

    class Question(models.TextChoices):
        """Why TrepStar is being asked about an unclear order."""

        OUTCOME = "outcome", "whether the call arrived"
        DUPLICATE = "duplicate", "whose order this invoice is"
        REFUSAL = "refusal", "whether a doubtful refusal is final"

    class Stop(models.TextChoices):
        """What staff want done with an order that is being sent, as soon as it may be."""

        HOLD = "hold", "hold"
        CANCEL = "cancel", "cancel"

    # db_index=False: indexes of several columns begin with it, or leave out the many without.
    publisher = models.ForeignKey(Publisher, models.PROTECT, related_name="orders", db_index=False)
    source = models.CharField(max_length=8, choices=Source.choices)
    shop_order = models.ForeignKey(
        "orders.ShopOrder",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
        db_index=False,
    )
    reference = models.CharField(
        "shop's number", max_length=64, blank=True, help_text="Such as #1001 in Shopify."
    )
    invoice = models.CharField(max_length=MAX_INVOICE_LENGTH)
    caller_invoice = models.CharField(
        "script's invoice", max_length=MAX_INVOICE_LENGTH, blank=True, editable=False
    )
    mode = models.CharField(max_length=4, choices=Mode.choices)
    status = models.CharField(max_length=16, choices=CHOICES)
    hold_reason = models.CharField(max_length=12, blank=True, choices=HOLD_CHOICES)
    hold_note = models.TextField(blank=True)
    hold_until = models.DateTimeField(null=True, blank=True)

    # The box
    mail_method = models.CharField(max_length=14, choices=MailMethod.choices)
    name = models.CharField(max_length=200, blank=True)
    company = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=400, blank=True)
    city = models.CharField(max_length=200, blank=True)
    state = models.CharField("state or province", max_length=100, blank=True)
    zip = models.CharField("postal code", max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True, choices=list(COUNTRIES.items()))
    email = models.CharField("customer's e-mail", max_length=254, blank=True)
    special_text = models.CharField(
        max_length=MAX_SPECIAL_TEXT,
        blank=True,
        validators=[no_html],
        help_text="Printed for this customer. Left blank, the product's own text is printed.",
    )
    price = models.DecimalField(
        "printed price (USD)",
        max_digits=9,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Left blank, it is the sum of the products' prices. 0 prints none.",
    )
    price_on_customs = models.BooleanField("our price on the customs form", default=False)
    notify_customer = models.BooleanField("TrepStar writes to the customer", default=False)
    edited_fields = models.JSONField(default=list, editable=False)

    # What TrepStar says, verbatim
    gateway_status = models.CharField("TrepStar's word", max_length=100, blank=True)
    gateway_error_number = models.CharField(max_length=20, blank=True)
    gateway_error_text = models.TextField(blank=True)
    gateway_customer = models.CharField(max_length=255, blank=True)
    ship_date = models.DateField(null=True, blank=True)
    ship_date_text = models.CharField(max_length=50, blank=True)
    shipping_method = models.CharField(max_length=50, blank=True)
    tracking_id = models.CharField("tracking id", max_length=100, blank=True)
    tracking_history = models.JSONField(default=list, editable=False)
    flag = models.TextField(blank=True, help_text="What a person should look at.")

    # Sending
    attempts = models.PositiveIntegerField(default=0)
    not_sent = models.PositiveIntegerField("failed in a row before sending", default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    payload = models.JSONField(null=True, blank=True, editable=False)
    stop_request = models.CharField(max_length=6, blank=True, choices=Stop.choices)

    # Asking
    question = models.CharField(max_length=9, blank=True, choices=Question.choices)
    unclear_since = models.DateTimeField(null=True, blank=True)
    unclear_rounds = models.PositiveIntegerField(default=0)
    not_found = models.PositiveIntegerField("times TrepStar did not know it", default=0)
    missed = models.PositiveIntegerField("times an answer left it out", default=0)
    went_back = models.PositiveIntegerField("times its word was an earlier one", default=0)
    asked_at = models.DateTimeField(null=True, blank=True)
    next_ask_at = models.DateTimeField(null=True, blank=True)

    redact = models.BooleanField("customer data is to be erased", default=False, editable=False)
    reship_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="reships", db_index=False
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    shipped_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = OrderQuerySet.as_manager()

    made_with: Sequence[OrderLine] = ()
    """The lines with which it was made a moment ago, so that nobody needs to read them at once."""

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [
            ("hold_order", "Can hold orders"),
            ("release_order", "Can release orders"),
            ("cancel_order", "Can cancel orders"),
            ("reship_order", "Can have boxes made again"),
            ("refresh_order", "Can have TrepStar asked for orders"),
            ("note_order", "Can write notes on orders"),
            ("import_order", "Can import orders from spreadsheets"),
            ("export_order", "Can export orders to spreadsheets"),
        ]
        indexes = INDEXES
        constraints = [
            # Read by orders.search as well: compared byte by byte, it serves LIKE on PostgreSQL.
            models.UniqueConstraint(
                fields=["invoice"], name="order_invoice_once", opclasses=["varchar_pattern_ops"]
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=list(status.MEANING)), name="order_status_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(status=status.HELD) | ~models.Q(hold_reason=""),
                name="order_held_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.invoice

    @property
    def meaning(self) -> str:
        """The status as the end of a sentence."""
        return status.MEANING[self.status]

    @property
    def tracking_url(self) -> str:
        """The page that shows where the parcel is, or blank."""
        return tracking_url(self.tracking_id)

    @property
    def is_domestic(self) -> bool:
        return self.country == "US"

    @property
    def not_known(self) -> bool:
        """Whether TrepStar no longer knows what it had accepted, so that staff may close it.

        The database is asked the same by ``order_indexes.NOT_KNOWN``.
        """
        here = status.ASKED - {status.SHIPPED}
        return self.status in here and self.not_found >= MISSES_UNTIL_FLAG

    def pieces(self) -> int:
        """Return the number of discs and sticks in the box."""
        return sum(line.quantity for line in self.lines.all())

    @property
    def goes_as_letters_do(self) -> bool:
        """Whether it is a letter as far as can be said without its lines."""
        return self.mail_method == MailMethod.STANDARD and self.is_domestic

    def is_letter_mail(self) -> bool:
        """Say whether the box goes as a letter, which has no tracking by design.

        A single sleeve or eco-mailer, by ``standard``, inside the USA (gateway document,
        "typeMailMethod").
        """
        if not self.goes_as_letters_do:
            return False
        lines = list(self.lines.all())
        one = sum(line.quantity for line in lines) == 1
        return one and all(line.product.package in Product.LETTERS for line in lines)


class OrderLine(models.Model):
    """So many of one product in the box, and the shop's line they came from."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MAX_PIECES)]
    )
    sku = models.CharField("SKU", max_length=255, blank=True)
    source_line_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = "line"
        # Read by orders.search.
        indexes = [PrefixIndex("sku", name="line_by_sku")]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product}"


class OrderEvent(models.Model):
    """One thing that happened to an order. Only ever added; sentences are made when shown."""

    class ActorKind(models.TextChoices):
        PERSON = "person", "person"
        WORKER = "worker", "worker"
        SHOP = "shop", "shop"
        CLIENT = "client", "API client"

    order = models.ForeignKey(Order, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=40)
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16, blank=True)
    actor_kind = models.CharField(max_length=6, choices=ActorKind.choices)
    actor_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            # Read by the queue of what needs attention: trouble that a new box has answered.
            models.Index(
                fields=["order"], name="event_reshipped", condition=models.Q(kind="order.reshipped")
            ),
            # Read where a user is deleted; workers and shops are none.
            models.Index(
                fields=["actor_user"],
                name="event_of_user",
                condition=models.Q(actor_user__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.kind
