"""What the simulation must find: the package broken in a copy, one thing at a time.

``law`` names every law by which it may come to light; which of them it is depends on the seed.
"""

from __future__ import annotations

from typing import Final

from tests.sabotage.sabotage import Edit, Sabotage

_PLAN: Final = "lifecycle/evolve_work.py"
_DIALOGUE: Final = "lifecycle/evolve_dialogue.py"
_DECIDE: Final = "lifecycle/decide_work.py"
_JOURNAL: Final = "adapters/memory/journal.py"
_SHIFT: Final = "worker/shift.py"
_RUNS: Final = "worker/runs.py"
_HOST: Final = "testing/simulate/host.py"
_FROZEN: Final = 'frozen = command.account is not None and command.account.standing == "frozen"'


def _sabotage(name: str, law: str, *edits: Edit) -> Sabotage:
    return Sabotage(name=name, law=law, edits=edits, suspects=())


LEASES: Final = (
    _sabotage(
        "the journal takes what is appended under a lease that is lost",
        "L18",
        Edit(_JOURNAL, "if fence is not None and (fence < 1 or fence != found.fence):", "if fence == 0:"),
    ),
    _sabotage(
        "a fence is given twice",
        "L18",
        Edit(_JOURNAL, "found.fence += 1", "found.fence = max(found.fence, 1)"),
    ),
    _sabotage(
        "the directory does not look at the token",
        "L18",
        Edit("adapters/memory/directory.py", "if token < entry.token:", "if token < 0:"),
    ),
)
"""Who may write, and when no more."""

ORDER: Final = (
    _sabotage(
        "the account is checked again before it is frozen",
        "L13",
        Edit(
            _DIALOGUE,
            'PendingTask("freeze", "", event.due, unfreezing),\n',
            'PendingTask("recheck", "", event.due),\n        PendingTask("freeze", "", event.due, unfreezing),\n',
        ),
        Edit(
            _DIALOGUE,
            '        PendingTask("recheck", "", event.due, ("freeze", "revoke_sessions")),\n',
            "",
        ),
        Edit(_DECIDE, _FROZEN, "frozen = command.account is not None"),
    ),
    _sabotage(
        "the data sets do not wait for the ledger",
        "L21",
        Edit(_PLAN, '_planned("erase", one, ("ledger_begun",), at)', '_planned("erase", one, (), at)'),
    ),
    _sabotage(
        "the account is retired before the data sets are erased",
        "L17",
        Edit(_PLAN, '(*settled, "tombstone", *(one.name for one in before))', '("ledger_begun", "tombstone")'),
    ),
    _sabotage(
        "the account is retired before its login name is reserved",
        "L27",
        Edit(
            _PLAN,
            '(*settled, "tombstone", *(one.name for one in before))',
            "(*settled, *(one.name for one in before))",
        ),
    ),
    _sabotage(
        "the round's key is destroyed before the account is retired",
        "L23",
        Edit(_PLAN, 'str(this.number), at, ("retire",))', 'str(this.number), at, ("ledger_begun",))'),
    ),
    _sabotage(
        "the receipt does not wait for the key's destruction",
        "L23",
        Edit(_PLAN, 'PendingTask("close", "", at, (destroy.name,))', 'PendingTask("close", "", at, ("retire",))'),
    ),
    _sabotage(
        "the erasure goes on before it is durable that it has begun",
        "L15",
        Edit(_SHIFT, '{"revoke_sessions", "recheck"', '{"ledger_begun", "revoke_sessions", "recheck"'),
    ),
    _sabotage(
        "a key is destroyed before it is durable that it will be",
        "L23",
        Edit(_SHIFT, "return task.cursor != INTENDED", "return task is not None"),
        Edit(_SHIFT, "if not _settled(task, draft):", 'if not _settled(task, draft) and "key" not in task.kind:'),
    ),
)
"""What comes before what, and what is durable first."""

BACK: Final = (
    _sabotage(
        "the findings of the recheck are ignored",
        "L13, RACE-03",
        Edit(
            _DECIDE,
            "in_the_way = blocker_refusals(terms, command.findings)",
            "in_the_way = blocker_refusals(terms, command.findings)[:0]",
        ),
    ),
    _sabotage(
        "what blocks the recheck is ignored",
        "L13, RACE-03",
        Edit(_DECIDE, "    if blockers:\n", "    if not blockers and not terms.reasons:\n"),
        Edit(_DECIDE, "    if in_the_way or not frozen:\n", "    if not frozen:\n"),
    ),
    _sabotage(
        "a contact point that changed since the confirmation is not looked at",
        "L14",
        Edit(
            _DECIDE,
            "if command.account is not None and command.account.contact_versions != stage.confirmed.contacts:",
            "if command.account is not None and not command.account.contact_versions:",
        ),
    ),
    _sabotage(
        "an account that is given back is not unfrozen",
        "L14",
        Edit(
            _PLAN,
            "(*without_the_freeze(closure.tasks), unfreeze, telling)",
            "(*without_the_freeze(closure.tasks), telling)",
        ),
    ),
    _sabotage(
        "an account that is withdrawn is not unfrozen",
        "L14",
        Edit(_DIALOGUE, "tasks = (*tasks, unfreezing(stage.round, stage.dialogue.given_back, at))", "pass"),
    ),
    _sabotage(
        "the account is unfrozen before the journal says that it was given back",
        "L13, L14, L16",
        Edit(_SHIFT, '{"revoke_sessions", "recheck"', '{"unfreeze", "revoke_sessions", "recheck"'),
        Edit(_SHIFT, 'if task.kind == "unfreeze" and self._report != WorkReport(streams=1):', "if task is None:"),
    ),
    _sabotage(
        "the host takes orders without looking at the account",
        "RACE-03",
        Edit(_HOST, "        self._assert_open(account)\n        self.under_way", "        self.under_way"),
    ),
)
"""Who gets the account back, and what is bought meanwhile."""

OUTSIDE: Final = (
    _sabotage(
        "a data set is settled though something remains",
        "L17",
        Edit(
            _DECIDE, "if command.remaining or (end is not None and end <= now):", "if end is not None and end <= now:"
        ),
    ),
    _sabotage(
        "what a law keeps is never purged",
        "L17",
        Edit(_PLAN, "        *_purges(erasure),\n", "        *_purges(erasure)[:0],\n"),
    ),
    _sabotage(
        "a legal hold keeps nothing",
        "L20",
        Edit("worker/erasing.py", "        if hold is not None:\n", "        if hold is not None and not task.name:\n"),
        Edit(_DECIDE, " or hold_on(closure, task.subject, now) is not None:", ":"),
    ),
    _sabotage(
        "a letter has another id at each try",
        "L16",
        Edit(_RUNS, 'id=f"{loaded.stream}.{task.name}",', 'id=f"{loaded.stream}.{task.name}.{task.tries}",'),
    ),
    _sabotage(
        "a letter that was not handed over counts as sent",
        "L16",
        Edit(
            "flows/calls.py",
            "        await self._call(self._port.send, letter)\n",
            "        try:\n            await self._call(self._port.send, letter)\n"
            "        except ClosureError:\n            pass\n",
        ),
    ),
    _sabotage(
        "a round that is over is never ended",
        "L16",
        Edit(_DECIDE, "times.append(closure.stage.lapses)", "pass"),
    ),
)
"""What is done outside, and said of it."""

PEOPLE: Final = (
    _sabotage(
        "a new round gives the attempts back",
        "L4, L5",
        Edit(_DIALOGUE, "event.carried.attempts", "Attempts(event.carried.attempts.challenges)"),
    ),
    _sabotage(
        "an answer is compared before it is counted",
        "L4",
        Edit(
            "flows/proving.py",
            "        loaded, counted, account = await self._streams.perform(stream, look, ask)\n",
            "        early, seen = await self._streams.load(stream), await look()\n"
            "        early_job = self._job(early, *_pending(early, factor), seen, principal)\n"
            "        await verifier.check(early_job, answer, RequestInfo())\n"
            "        loaded, counted, account = await self._streams.perform(stream, look, ask)\n",
        ),
    ),
    _sabotage(
        "a confirmation that is asked for again is another one",
        "L12",
        Edit("flows/views.py", "at=stage.confirmed.at, due", "at=self._wiring.clock.now(), due"),
    ),
)
"""What people are promised."""

SABOTAGES: Final = (*LEASES, *ORDER, *BACK, *OUTSIDE, *PEOPLE)
