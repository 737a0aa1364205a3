"""Places at which a test may let the process kill itself, to see that nothing is lost there. Pure.

``KILL_AT`` names one of ``PLACES``; unset, as it is outside of tests, nothing happens.
"""

from __future__ import annotations

import os
import signal

PLACES = ("claimed", "attempt_committed", "sent", "reply_read", "before_commit", "after_commit")


def reached(place: str) -> None:
    """End the process at once, without any clean-up, if ``KILL_AT`` names this place."""
    if os.environ.get("KILL_AT") == place:
        os.kill(os.getpid(), signal.SIGKILL)
