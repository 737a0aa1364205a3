"""Waking workers sparingly: a task that does all that is due need not wait there a hundred times.

In a busy hour there would be one for every order, and the workers' canaries, which prove that a
cluster is alive, would wait behind thousands.
"""

from __future__ import annotations

from django.db import connections
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

MAX_NUDGES = 10
MANY_TASKS = 100


def waiting_tasks() -> int:
    """Count the tasks that a worker may take now, up to ``MANY_TASKS``.

    Those taken and never acknowledged, as by a worker that was killed, stay locked for minutes and
    are no sign that enough wait.
    """
    # django-q2 writes the lock by the clock of its own machine.
    return len(OrmQ.objects.filter(lock__lte=timezone.now()).values_list("pk")[:MANY_TASKS])


class Sparing(ORM):
    """Enqueues a task unless ``MAX_NUDGES`` wait already, in one statement."""

    def enqueue(self, task: str) -> None:
        connection = connections[Conf.ORM]
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_q_ormq (key, payload, lock) SELECT %s, %s, %s "
                "WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM django_q_ormq "
                "WHERE lock <= %s LIMIT %s) AS waiting) < %s",
                [self.list_key or Conf.CLUSTER_NAME, task, now, now, MAX_NUDGES, MAX_NUDGES],
            )
