"""Work on many rows that a worker does bit by bit, and what became of each row."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from orders.models.order import Order
from products.models import Publisher


class JobQuerySet(models.QuerySet["Job"]):
    def for_user(self, user: object) -> JobQuerySet:
        """Return the jobs of publishers that the user may see, and own ones across publishers."""
        if getattr(user, "is_superuser", False):
            return self
        seen = Publisher.objects.for_user(user)  # type: ignore[arg-type]
        own = Q(publisher=None, created_by=user.pk)  # type: ignore[attr-defined]
        return self.filter(own | Q(publisher__in=seen))


class Job(models.Model):
    """Something to be done with each of many rows; the request that starts it only writes it down.

    ``params`` is what every row needs (such as a hold's note); rows carry the rest. ``publisher``
    is set where all rows belong to one.
    """

    class Kind(models.TextChoices):
        HOLD = "hold", "Hold"
        RELEASE = "release", "Release"
        CANCEL = "cancel", "Cancel"
        IMPORT = "import", "Import"

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        STOPPED = "stopped", "stopped"

    OPEN = (State.WAITING, State.RUNNING)

    kind = models.CharField(max_length=10, choices=Kind.choices)
    title = models.CharField(max_length=200)
    publisher = models.ForeignKey(
        Publisher, models.PROTECT, null=True, blank=True, related_name="jobs"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="jobs"
    )
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("stop_job", "Can stop jobs")]
        indexes = [
            # Read by the worker that looks for a job to go on with.
            models.Index(
                fields=["id"], name="job_open", condition=Q(state__in=("waiting", "running"))
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def settled(self) -> int:
        """How many rows were tried."""
        return self.done + self.refused

    @property
    def waiting(self) -> int:
        """How many rows were not tried yet."""
        return self.total - self.settled


class JobRowQuerySet(models.QuerySet["JobRow"]):
    def for_user(self, user: object) -> JobRowQuerySet:
        """Return the rows without an order, and those of orders that the user may see."""
        seen = Order.objects.for_user(user)
        return self.filter(Q(order=None) | Q(order__in=seen))


class JobRow(models.Model):
    """One row of a job: an order, or a line of a file, and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DONE = "done", "done"
        REFUSED = "refused", "refused"

    job = models.ForeignKey(Job, models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    label = models.CharField(max_length=200)
    order = models.ForeignKey(Order, models.SET_NULL, null=True, blank=True, related_name="+")
    data = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    text = models.TextField(blank=True)

    objects = JobRowQuerySet.as_manager()

    class Meta:
        ordering = ["job", "number"]
        verbose_name = "row"
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="job_row_once")]
        indexes = [
            # Read by the worker, for the next rows, and by the progress page, by state.
            models.Index(fields=["job", "state", "number"], name="job_rows_by_state"),
        ]

    def __str__(self) -> str:
        return self.label
