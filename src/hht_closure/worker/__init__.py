"""The worker: runs what is due, under a lease, in the order that the tasks themselves state.

Any number of workers may run at a time. One that dies leaves nothing behind but a lease that ends: what is
pending is in the journal, and every task is safe to run again (L16, L18).

``worker`` claims streams, ``shift`` works on one of them, ``runs`` runs a task, ``erasing`` and ``closing`` those of
two subjects of their own, ``sweeping`` looks over what is closed.
"""

from __future__ import annotations

from hht_closure.worker.sweeping import Sweeping
from hht_closure.worker.worker import Worker

__all__ = ["Sweeping", "Worker"]
