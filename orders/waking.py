"""Waking workers: a task is a nudge, and there are never many of them."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

from orders.inserting import collects

MAX_NUDGES = 10
MANY_TASKS = 100

TOO_FEW = f"""(
    SELECT count(*) FROM (
        SELECT 1 FROM django_q_ormq WHERE lock <= {{now}} LIMIT {MAX_NUDGES}
    ) AS waiting
) < {MAX_NUDGES}"""  # noqa: S608 - numbers of ours
"""SQL that says whether another task is wanted; ``now`` stands for a time in it."""

_ENQUEUE = "INSERT INTO django_q_ormq (key, payload, lock) SELECT %s, %s, %s WHERE " + (
    TOO_FEW.format(now="%s")
)


class _Sparing(ORM):
    """django-q2's queue in the database, which takes nothing while enough tasks wait."""

    @staticmethod
    def get_connection(list_key: str = "") -> Any:
        """Return the queue, as it is; django-q2 would close connections here that are in use."""
        return OrmQ.objects

    def enqueue(self, task: str) -> None:
        row = OrmQ(key=self.list_key, payload=task, lock=timezone.now())
        if collects(row):
            return
        now = OrmQ._meta.get_field("lock").get_db_prep_value(row.lock, connection)
        with connection.cursor() as cursor:
            cursor.execute(_ENQUEUE, [row.key, row.payload, now, now])


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
