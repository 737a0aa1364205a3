"""What can be made, on whose TrepStar account, and who may act for it. Never imports ``orders``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from products.fields import SecretField
from products.secret import Secret
from products.sku import MAX_SKU_LENGTH, sku_key
from products.token_model import ApiToken as ApiToken

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

digits = RegexValidator(r"\A[0-9]+\Z", "Enter digits only, as TrepStar shows them.")
prefix = RegexValidator(
    r"\A(?!T\Z)[A-Z0-9]+\Z", "Use capital letters and digits, and not the single letter T."
)
no_html = RegexValidator(r"<[A-Za-z!/]", "TrepStar prints no HTML here.", inverse_match=True)


class MailMethod(models.TextChoices):
    STANDARD = "standard", "Standard"
    RTRACKSTANDARD = "rtrackstandard", "Standard with tracking"
    PRIORITY = "priority", "Priority"
    EXPRESS = "express", "Express"


class Mode(models.TextChoices):
    TEST = "test", "Test"
    PROD = "prod", "Production"


class PublisherQuerySet(models.QuerySet["Publisher"]):
    def for_user(self, user: AbstractBaseUser | AnonymousUser) -> PublisherQuerySet:
        """Return the publishers that ``user`` may see; every query of a user starts here."""
        if getattr(user, "is_superuser", False):
            return self
        if token := getattr(user, "api_token", None):
            return self.filter(pk=token.publisher_id)
        return self.filter(staff=user.pk) if user.pk else self.none()


class Publisher(models.Model):
    """A TrepStar account: its login, how its orders are made, and the staff who may see them."""

    class PartialOrders(models.TextChoices):
        HOLD = "hold", "Hold the order until every SKU is known"
        SEND = "send", "Send what is known"

    class Charset(models.TextChoices):
        UTF8 = "utf-8", "UTF-8"
        WINDOWS = "windows-1252", "Windows-1252"

    class ScriptAccess(models.TextChoices):
        OFF = "off", "No scripts"
        POST = "post", "By POST"
        ANY = "any", "By POST and GET"

    publisher_id = models.CharField(
        "TrepStar publisher id",
        max_length=10,
        unique=True,
        validators=[digits],
        help_text="The number in the webhook address after idpub=.",
    )
    name = models.CharField(max_length=100)
    login_email = models.EmailField("TrepStar login e-mail")
    login_password = SecretField("TrepStar password", blank=True, default="")
    credential_version = models.PositiveIntegerField(default=1, editable=False)
    mode = models.CharField(max_length=4, choices=Mode.choices, default=Mode.TEST)
    auto_submit = models.BooleanField(
        "send new orders by themselves",
        default=True,
        help_text="If not, each new order is held until it is released.",
    )
    mail_method = models.CharField(
        max_length=14, choices=MailMethod.choices, default=MailMethod.STANDARD
    )
    notify_customer = models.BooleanField(
        "TrepStar writes to the customer", default=False, help_text="Most shops do so themselves."
    )
    price_on_customs = models.BooleanField(
        "our price on the customs form",
        default=False,
        help_text="If not, TrepStar declares its own usual value on international boxes.",
    )
    partial_orders = models.CharField(
        "orders with unknown SKUs",
        max_length=4,
        choices=PartialOrders.choices,
        default=PartialOrders.HOLD,
    )
    invoice_prefix = models.CharField(
        max_length=10,
        unique=True,
        blank=True,
        validators=[prefix],
        help_text="Begins every invoice. Left blank, it is the publisher id.",
    )
    charset = models.CharField(
        "charset of TrepStar forms", max_length=12, choices=Charset.choices, default=Charset.UTF8
    )
    script_access = models.CharField(
        "TrepStar scripts",
        max_length=4,
        choices=ScriptAccess.choices,
        default=ScriptAccess.POST,
        help_text="Programs written for TrepStar may send to this desk instead, with this login or "
        "an API token as its password. GET puts the password into addresses.",
    )
    status_calls_per_day = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        help_text="Left blank, the installation's limit holds. TrepStar charges from 1,000 on.",
    )
    staff = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="publishers")
    paused_at = models.DateTimeField("sending paused since", null=True, blank=True, editable=False)
    paused_note = models.CharField(max_length=200, blank=True, editable=False)
    login_refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    login_checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_serial = models.PositiveIntegerField(default=0, editable=False)
    hook_routes = models.JSONField(
        "which webhook is told of which events", default=dict, editable=False
    )
    served_at = models.DateTimeField(null=True, blank=True, editable=False)
    sync_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PublisherQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        permissions = [("pause_publisher", "Can pause the sending of orders")]
        constraints = [
            models.UniqueConstraint(
                Lower("login_email"),
                name="publisher_login_email",
                violation_error_message="Another publisher uses this TrepStar login.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.publisher_id})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a blank invoice prefix becomes the publisher id, which is unique as well."""
        if not self.invoice_prefix:
            self.invoice_prefix = self.publisher_id
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse a login that the charset of TrepStar's forms cannot carry."""
        try:
            (self.login_email + self.login_password.reveal()).encode(self.charset)
        except UnicodeEncodeError:
            raise ValidationError(
                {"charset": f"{self.charset} has no letters for this login; choose UTF-8."}
            ) from None

    def set_login(self, email: str, password: Secret) -> bool:
        """Take a new login; return whether it differs. A changed one reopens a refused account."""
        if (email, password) == (self.login_email, self.login_password):
            return False
        self.login_email, self.login_password = email, password
        self.credential_version += 1
        self.login_refused_at = None
        return True

    @property
    def status_call_limit(self) -> int:
        """The status calls allowed in any 24 hours."""
        return self.status_calls_per_day or settings.STATUS_CALLS_PER_DAY


class Product(models.Model):
    """A TrepStar project: a disc or stick that can be made."""

    class Package(models.TextChoices):
        SLEEVE = "sleeve", "Sleeve"
        DVD_CASE = "dvd_case", "DVD case"
        USB_ECOMAILER = "usb_ecomailer", "USB eco-mailer"
        OTHER = "other", "Other"

    LETTERS = frozenset({Package.SLEEVE, Package.USB_ECOMAILER})

    publisher = models.ForeignKey(Publisher, models.PROTECT, related_name="products")
    project_id = models.CharField("TrepStar project id", max_length=12, validators=[digits])
    title = models.CharField(max_length=200)
    package = models.CharField(max_length=13, choices=Package.choices, default=Package.OTHER)
    price = models.DecimalField(
        "printed price (USD)",
        max_digits=8,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Printed on the invoice in the box. 0 prints none.",
    )
    special_text = models.CharField(
        max_length=500,
        blank=True,
        validators=[no_html],
        help_text="Printed for the customer. Left blank, the text set at TrepStar is printed.",
    )
    active = models.BooleanField(default=True)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["title"]
        constraints = [
            models.UniqueConstraint(
                fields=["publisher", "project_id"],
                name="product_project_id",
                violation_error_message="This publisher has a product with this project id.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.project_id})"


class SkuAlias(models.Model):
    """A shop's SKU for a product; without a product the SKU is known and is not ours to make."""

    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="aliases")
    sku = models.CharField("SKU", max_length=MAX_SKU_LENGTH)
    key = models.CharField(max_length=MAX_SKU_LENGTH * 3, editable=False)
    product = models.ForeignKey(
        Product,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="aliases",
        help_text="Left blank, the SKU is known and is not made by TrepStar.",
    )

    class Meta:
        ordering = ["sku"]
        verbose_name = "SKU"
        verbose_name_plural = "SKUs"
        constraints = [
            models.UniqueConstraint(
                fields=["publisher", "key"],
                name="sku_alias_key",
                violation_error_message="This publisher has this SKU already.",
            )
        ]

    def __str__(self) -> str:
        return self.sku

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.clean()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Trim the SKU and set the key by which it is compared."""
        self.sku = self.sku.strip()
        self.key = sku_key(self.sku)
