"""Sabotages of the work after the confirmation, each found by the crash harness in a sample of its calls."""

from __future__ import annotations

from typing import Final

from tests.sabotage.sabotage import Edit, Sabotage

_DECIDE: Final = "lifecycle/decide_work.py"
_EVOLVE: Final = "lifecycle/evolve_work.py"
_EVOLVE_DIALOGUE: Final = "lifecycle/evolve_dialogue.py"
_RUNS: Final = "worker/runs.py"
_SHIFT: Final = "worker/shift.py"

_TESTS: Final = "tests/testing/test_crash.py"
_SAMPLE: Final = f"{_TESTS}::test_whatever_goes_wrong_a_closing_comes_to_the_same"
_CLOSING: Final = (f"{_SAMPLE}[closing-seed-4]",)
_GIVEN_BACK: Final = (f"{_SAMPLE}[given_back-seed-4]",)
_KILLED: Final = (f"{_TESTS}::test_a_process_that_dies_behind_an_effect_loses_and_doubles_nothing",)
_FAILING: Final = (f"{_TESTS}::test_what_fails_is_done_all_the_same",)
_SILENT: Final = (f"{_TESTS}::test_nobody_is_told_that_an_append_failed_which_took_effect",)
_TAKEN_OVER: Final = (f"{_TESTS}::test_a_worker_whose_lease_was_taken_over_writes_nothing",)
_LATE: Final = (f"{_TESTS}::test_a_worker_that_comes_late_neither_freezes_nor_unfreezes",)

_SHARED: Final = '{"revoke_sessions", "recheck", "tell_locked", "erase", "host", "tombstone", "farewell"}'
_NOT_INTENDED: Final = "        if task.cursor != INTENDED:\n            return IntendKeyDestruction(task=task.name)\n"

FOREMOST: Final = (
    Sabotage(
        name="the journal does not look at the lease",
        law="L18",
        edits=(
            Edit(
                "adapters/memory/journal.py",
                "            if fence is not None and (fence < 1 or fence != found.fence):\n"
                "                raise LeaseLostError(stream, fence)\n",
                "",
            ),
        ),
        suspects=_TAKEN_OVER,
    ),
    Sabotage(
        name="the account is frozen after the recheck",
        law="L13",
        edits=(
            Edit(
                _EVOLVE_DIALOGUE,
                'PendingTask("freeze", "", event.due, unfreezing)',
                'PendingTask("freeze", "", event.due, (*unfreezing, "recheck"))',
            ),
            Edit(
                _EVOLVE_DIALOGUE,
                'PendingTask("recheck", "", event.due, ("freeze", "revoke_sessions"))',
                'PendingTask("recheck", "", event.due)',
            ),
            Edit(_DECIDE, 'command.account is not None and command.account.standing == "frozen"', "True"),
        ),
        suspects=_CLOSING,
    ),
    Sabotage(
        name="a recheck that finds something erases all the same",
        law="L14",
        edits=(
            Edit(_DECIDE, "    if blockers:\n        return Accepted((events.AccountGivenBack(now, blockers),))\n", ""),
            Edit(_DECIDE, "    if in_the_way or not frozen:\n", "    if not frozen:\n"),
        ),
        suspects=(f"{_SAMPLE}[given_back_and_closed-seed-4]",),
    ),
    Sabotage(
        name="a task is recorded as done before it is run",
        law="L16",
        edits=(
            Edit(
                _SHIFT,
                "            happened = self._decide(draft, await self._command(task, draft))\n",
                '            if task.kind in {"host", "retire", "ledger_closed"}:\n'
                "                from hht_closure.commands import FinishTask\n"
                "                done = self._decide(draft, FinishTask(task=task.name))\n"
                "                before, draft = draft, await self._commit(await self._streams.extend(draft, done))\n"
                "                await self._command(task, before)\n"
                "                return draft\n"
                "            happened = self._decide(draft, await self._command(task, draft))\n",
            ),
        ),
        suspects=_KILLED,
    ),
    Sabotage(
        name="a key is destroyed without a word in the journal before",
        law="L23",
        edits=(
            Edit(_RUNS, _NOT_INTENDED, ""),
            Edit(
                _DECIDE,
                'if task.kind in {"destroy_key", "destroy_farewell_key"} and task.cursor == INTENDED:',
                'if task.kind in {"destroy_key", "destroy_farewell_key"}:',
            ),
        ),
        suspects=_CLOSING,
    ),
    Sabotage(
        name="an account that is given back is not unfrozen",
        law="L14",
        edits=(
            Edit(
                _EVOLVE,
                "(*without_the_freeze(closure.tasks), unfreeze, telling)",
                "(*without_the_freeze(closure.tasks), telling)",
            ),
        ),
        suspects=_GIVEN_BACK,
    ),
    Sabotage(
        name="progress is recorded before the batch is erased",
        law="L17",
        edits=(
            Edit(
                "worker/erasing.py",
                "        before = await data_set.remaining(account) if _is_checked(loaded) else None\n",
                "        before = await data_set.remaining(account) if _is_checked(loaded) else None\n"
                "        if not task.erased and await data_set.remaining(account) > BATCH:\n"
                "            return RecordBatch(task=task.name, erased=BATCH, cursor=task.cursor)\n",
            ),
        ),
        suspects=_CLOSING,
    ),
    Sabotage(
        name="an append of unknown outcome is not read back",
        law="L16",
        edits=(
            Edit(
                "flows/stream.py",
                "            if not await self._is_there(stream, draft.records[-1]):\n",
                "            if draft.records:\n",
            ),
        ),
        suspects=_SILENT,
    ),
    Sabotage(
        name="the erasure begins before its event is committed",
        law="L15",
        edits=(Edit(_SHIFT, _SHARED, _SHARED.replace("}", ', "ledger_begun"}')),),
        suspects=_CLOSING,
    ),
)
"""One for each thing that a closing rests on."""

CRASHING: Final = (
    *FOREMOST,
    Sabotage(
        name="a late worker freezes under any token",
        law="L18",
        edits=(
            Edit(
                _RUNS,
                "accounts.freeze(await self.account_id(loaded), fence)",
                "accounts.freeze(await self.account_id(loaded), 99)",
            ),
            Edit(
                _RUNS,
                "accounts.unfreeze(await self.account_id(loaded), fence)",
                "accounts.unfreeze(await self.account_id(loaded), 99)",
            ),
        ),
        suspects=_LATE,
    ),
    Sabotage(
        name="the ledger does not name an account before it is frozen",
        law="L21",
        edits=(Edit(_RUNS, "        await self._closings.hold(loaded)\n", ""),),
        suspects=_CLOSING,
    ),
    Sabotage(
        name="a source that cannot be asked is clean in the recheck",
        law="L14",
        edits=(Edit(_DECIDE, "    if in_the_way or not frozen:\n", "    if blockers or not frozen:\n"),),
        suspects=_GIVEN_BACK,
    ),
    Sabotage(
        name="an account that is withdrawn is not unfrozen",
        law="L14",
        edits=(
            Edit(
                _EVOLVE_DIALOGUE,
                "        tasks = (*tasks, unfreezing(stage.round, stage.dialogue.given_back, at))\n",
                "        tasks = (*tasks,)\n",
            ),
        ),
        suspects=(f"{_SAMPLE}[withdrawn_when_frozen-seed-4]",),
    ),
    Sabotage(
        name="the ledger calls closed what is not committed",
        law="L24",
        edits=(Edit(_SHIFT, _SHARED, _SHARED.replace("}", ', "ledger_closed"}')),),
        suspects=_CLOSING,
    ),
    Sabotage(
        name="a task that failed is called done",
        law="L16",
        edits=(
            Edit(
                _RUNS,
                '        except ClosureError:\n            return self.failed(task, "ambiguous", "adapter_failed")\n',
                "        except ClosureError:\n            return FinishTask(task=task.name)\n",
            ),
        ),
        suspects=_FAILING,
    ),
    Sabotage(
        name="the account is retired before the login name is reserved",
        law="L27",
        edits=(
            Edit(
                _EVOLVE,
                '(*settled, "tombstone", *(one.name for one in before))',
                "(*settled, *(one.name for one in before))",
            ),
        ),
        suspects=_FAILING,
    ),
    Sabotage(
        name="the account is retired before its data are erased",
        law="L15",
        edits=(Edit(_EVOLVE, '(*settled, "tombstone", *(one.name for one in before))', '("ledger_begun",)'),),
        suspects=_FAILING,
    ),
    Sabotage(
        name="the round's key is destroyed before the account is retired",
        law="L23",
        edits=(
            Edit(
                _EVOLVE,
                'PendingTask("destroy_key", str(this.number), at, ("retire",))',
                'PendingTask("destroy_key", str(this.number), at, settled)',
            ),
        ),
        suspects=_FAILING,
    ),
    Sabotage(
        name="the receipt does not wait for the key",
        law="L23",
        edits=(
            Edit(_EVOLVE, 'PendingTask("close", "", at, (destroy.name,))', 'PendingTask("close", "", at, ("retire",))'),
        ),
        suspects=_FAILING,
    ),
    Sabotage(
        name="a message has another id each time",
        law="L16",
        edits=(
            Edit(
                _RUNS,
                'id=f"{loaded.stream}.{this.number}.farewell"',
                'id=f"{loaded.stream}.{this.number}.farewell.{self._jitter()}"',
            ),
        ),
        suspects=_KILLED,
    ),
    Sabotage(
        name="a host's task has another key each time",
        law="L16",
        edits=(
            Edit(
                _RUNS,
                'key = f"{loaded.stream}.{_round(loaded).number}.{task.name}"',
                'key = f"{loaded.stream}.{_round(loaded).number}.{task.name}.{self._jitter()}"',
            ),
        ),
        suspects=_KILLED,
    ),
)
"""What crashes, repetitions and late workers bring to light."""
