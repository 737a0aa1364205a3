"""Memory of long-running processes."""

from __future__ import annotations

import gc

NEW_OBJECTS = 10_000


def keep_loaded() -> None:
    """Take what a process has loaded by now out of every later garbage collection.

    It stays until the end anyway, so that looking it through again and again is lost time. Before a
    fork it also stays shared with the children. What is new is looked through less often: a single
    request or batch makes more objects than Python thinks worth a look.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
