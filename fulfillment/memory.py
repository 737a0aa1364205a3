"""Memory of long-running processes."""

from __future__ import annotations

import gc

NEW_OBJECTS = 10_000


def keep_loaded() -> None:
    """Take what a process has loaded by now out of every later garbage collection.

    It stays until the end anyway, and looking it through takes a tenth of a busy process's time.
    Before a fork it also stays shared with the children. What is new is looked through less often:
    a single request or batch makes more objects than Python thinks worth a look.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
