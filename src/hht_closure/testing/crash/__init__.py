"""The crash harness: a closing is disturbed at every port call there is, and must come to the same all the same.

On the command line it plays the library's own scenarios on one of its own stores::

    python -m hht_closure.testing.crash --adapter sqlite            # every call in each of six modes
    python -m hht_closure.testing.crash --adapter memory --pairs    # and once more in the recovery
    python -m hht_closure.testing.crash --every 10 --seed 3         # a sample, the same for the same seed
    python -m hht_closure.testing.crash --point killed_after:57     # one point, as a report names it

A host plays them, or its own, on its own adapters. It says how a process of its portal begins on what is kept, and
what happens::

    ground = ProcessGround(folder=..., prepare=prepare, start=start, begins=...)
    steps = (logs_in(), opens(), gives_reason(), proves("sms_code", "sms"), confirms())
    scenario = Scenario(name="closing", account=..., others=(...,), steps=steps, ends="closed")
    run = Run.of(scenario, ground)
    assert [trial for trial in run.singles() if trial.findings] == []

``prepare(folder)`` puts there, once, what the portal begins with. ``start(folder, kept, watch)`` gives the
:class:`Parts` of a process: every adapter made anew on what lies in the folder, as a program does that starts. The
store uses ``kept.clock``; messages, codes and tasks go to ``kept.outbox`` (:class:`OutboxMessages` and its
neighbours), where the person reads them, and a sender of codes is passed through ``watch.sender``. Everything else is
watched by itself.

Each trial runs in processes of its own. At the k-th call of a port the first one dies (``SIGKILL``), before the call or
after it; or the call raises, without or with its effect; or the process stands still before it until another worker
has its lease, or until others have come to the end (:mod:`~.troubles`). What is durable is looked at as it lies there
(:mod:`~.promises`); then a new process goes on: the person repeats what they were doing, workers work until nothing
is due, and what it has come to is compared with what it comes to when nobody disturbs it (:mod:`~.endings`). Findings
are *lost*, *doubled*, *stuck* or *early*.

The ports must be plain, not ``async``; the processes need ``os.fork``.
"""

from __future__ import annotations

from hht_closure.testing.crash.findings import Finding, Harm
from hht_closure.testing.crash.grounds import Ground, MemoryGround, ProcessGround
from hht_closure.testing.crash.kept import Kept, OutboxCodeSender, OutboxMessages, OutboxTask
from hht_closure.testing.crash.life import Life, NotYet, Parts, Scenario, Step
from hht_closure.testing.crash.operating import holds, lifts, releases
from hht_closure.testing.crash.run import Run, Tally, in_words
from hht_closure.testing.crash.steps import (
    confirms,
    fails,
    gives_reason,
    goes_on,
    logs_in,
    looks,
    opens,
    proves,
    reads_receipt,
    settles,
    waits,
    withdraws,
    works,
)
from hht_closure.testing.crash.trial import Trial
from hht_closure.testing.crash.troubles import Call, Mode, Point, Trouble
from hht_closure.testing.crash.undisturbed import ScenarioError
from hht_closure.testing.crash.watch import InjectedError, Watch

__all__ = [
    "Call",
    "Finding",
    "Ground",
    "Harm",
    "InjectedError",
    "Kept",
    "Life",
    "MemoryGround",
    "Mode",
    "NotYet",
    "OutboxCodeSender",
    "OutboxMessages",
    "OutboxTask",
    "Parts",
    "Point",
    "ProcessGround",
    "Run",
    "Scenario",
    "ScenarioError",
    "Step",
    "Tally",
    "Trial",
    "Trouble",
    "Watch",
    "confirms",
    "fails",
    "gives_reason",
    "goes_on",
    "holds",
    "in_words",
    "lifts",
    "logs_in",
    "looks",
    "opens",
    "proves",
    "reads_receipt",
    "releases",
    "settles",
    "waits",
    "withdraws",
    "works",
]
