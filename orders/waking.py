"""Waking workers: a task is a nudge, and there are never many of them."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

MAX_NUDGES = 10
MANY_TASKS = 100

_ENQUEUE = """
INSERT INTO django_q_ormq (key, payload, lock) SELECT %s, %s, %s WHERE (
    SELECT count(*) FROM (SELECT 1 FROM django_q_ormq WHERE lock <= %s LIMIT %s) AS waiting
) < %s
"""


class _Sparing(ORM):
    """django-q2's queue in the database, which takes nothing while enough tasks wait."""

    def enqueue(self, task: str) -> None:
        lock = OrmQ._meta.get_field("lock")
        now = lock.get_db_prep_value(timezone.now(), connection)
        with connection.cursor() as cursor:
            cursor.execute(_ENQUEUE, [self.list_key, task, now, now, MAX_NUDGES, MAX_NUDGES])


def wake(func: str) -> None:
    """Enqueue a task, by its dotted name, unless enough wait already: each does all that is due.

    In a busy hour there would be one for every order, and the workers' canaries, which prove that
    a cluster is alive, would wait behind thousands. It is one statement, in the caller's
    transaction.
    """
    async_task(func, broker=_Sparing(Conf.CLUSTER_NAME))


def waiting_tasks() -> int:
    """Count the tasks that a worker may take now, up to ``MANY_TASKS``.

    Those taken and never acknowledged, as by a worker that was killed, stay locked for minutes and
    are no sign that enough wait.
    """
    # django-q2 writes the lock by the clock of its own machine.
    return len(OrmQ.objects.filter(lock__lte=timezone.now()).values_list("pk")[:MANY_TASKS])
