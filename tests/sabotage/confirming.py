"""Sabotages of whose account it is, of the confirmation, and of what comes behind it (L1, L2, L9 to L14)."""

from __future__ import annotations

from typing import Final

from tests.sabotage.sabotage import Edit, Sabotage

_CONFIRM: Final = "flows/confirming.py"
_SHIFT: Final = "worker/shift.py"

CONFIRMING: Final = (
    Sabotage(
        name="whose account it is, is remembered from an earlier call",
        law="L1",
        edits=(
            Edit(
                "flows/outside.py",
                "    return principal.account\n",
                '    return _SEEN.setdefault("account", principal.account)\n\n\n_SEEN: dict[str, AccountId] = {}\n',
            ),
        ),
        suspects=("tests/laws/test_l01.py::test_withdrawing_withdraws_the_own_round_alone",),
    ),
    Sabotage(
        name="a directory that gives another account is believed",
        law="L1",
        edits=(Edit("flows/outside.py", "if found is not None and found.id != account:", "if account is None:"),),
        suspects=(
            "tests/service/test_failures.py::test_a_directory_that_gives_somebody_elses_account_is_believed_in_nothing",
        ),
    ),
    Sabotage(
        name="a log-in of any age confirms",
        law="L2",
        edits=(
            Edit(
                "lifecycle/decide_dialogue.py",
                "*(locked or _not_logged_in(open_now, command.principal, now)),",
                "*locked,",
            ),
        ),
        suspects=("tests/laws/test_l02.py::test_an_old_login_must_be_renewed_and_then_confirms",),
    ),
    Sabotage(
        name="a status tells a closing that is there from one that is not",
        law="L9",
        edits=(
            Edit(
                "flows/looking.py",
                "        stream, number = self._read(reference)\n        closure =",
                '        parts = reference.split(".")\n'
                "        if len(parts) == 4 and (await self._streams.load(parts[1])).closure.round is not None:\n"
                "            self._wiring.keyring.read_reference(self._wiring.name, reference) or self._known()\n"
                "        stream, number = self._read(reference)\n        closure =",
            ),
            Edit(
                "flows/looking.py",
                "    def _read(self, reference: str)",
                "    def _known(self) -> None:\n"
                '        raise ClosureRefused((refusal("already_confirmed"),))\n\n'
                "    def _read(self, reference: str)",
            ),
        ),
        suspects=("tests/laws/test_l09.py::test_every_reference_that_does_not_verify_meets_the_same_refusal",),
    ),
    Sabotage(
        name="a look at what closing means opens a round",
        law="L10",
        edits=(
            Edit(
                "flows/dialogue.py",
                '"""What closing would mean; changes nothing (L10)."""\n',
                '"""What closing would mean; changes nothing (L10)."""\n        await self.open(principal)\n',
            ),
        ),
        suspects=("tests/laws/test_l10.py::test_a_hundred_looks_leave_everything_as_it_was",),
    ),
    Sabotage(
        name="the contacts are left out of the nonce",
        law="L11",
        edits=(
            Edit(
                _CONFIRM,
                "contacts = [part for pair in shown.contacts for part in pair]",
                "contacts = list[str]()",
            ),
        ),
        suspects=("tests/laws/test_l11.py::test_a_changed_contact_point_kills_it_even_when_it_is_proved_anew",),
    ),
    Sabotage(
        name="what is kept is left out of the nonce",
        law="L11",
        edits=(Edit(_CONFIRM, "fates_digest = digest(kept)", "fates_digest = digest([])"),),
        suspects=("tests/laws/test_l11.py::test_another_end_of_a_retention_kills_it",),
    ),
    Sabotage(
        name="how often the account was given back is left out of the nonce",
        law="L11",
        edits=(Edit(_CONFIRM, "                shown.given_back,\n", ""),),
        suspects=("tests/laws/test_l11.py::test_being_given_back_kills_it",),
    ),
    Sabotage(
        name="a notice of any age confirms",
        law="L11",
        edits=(Edit(_CONFIRM, 'return "expired" if over else "valid"', 'return "valid"'),),
        suspects=("tests/laws/test_l11.py::test_it_is_dead_exactly_at_its_end",),
    ),
    Sabotage(
        name="the account is checked again before it is frozen",
        law="L13",
        edits=(
            Edit(
                "lifecycle/evolve_dialogue.py",
                'PendingTask("freeze", "", event.due, unfreezing),\n',
                'PendingTask("recheck", "", event.due),\n        PendingTask("freeze", "", event.due, unfreezing),\n',
            ),
            Edit(
                "lifecycle/evolve_dialogue.py",
                '        PendingTask("recheck", "", event.due, ("freeze", "revoke_sessions")),\n',
                "",
            ),
            Edit(
                "lifecycle/decide_work.py",
                'frozen = command.account is not None and command.account.standing == "frozen"',
                "frozen = command.account is not None",
            ),
        ),
        suspects=("tests/laws/test_l13.py::test_the_account_is_frozen_then_checked_again_then_erased",),
    ),
    Sabotage(
        name="an account that is not frozen is erased",
        law="L13",
        edits=(
            Edit(
                "lifecycle/decide_work.py",
                'frozen = command.account is not None and command.account.standing == "frozen"',
                "frozen = command.account is not None",
            ),
        ),
        suspects=("tests/laws/test_l13.py::test_a_clean_recheck_of_an_account_that_is_not_frozen_begins_nothing",),
    ),
    Sabotage(
        name="the account is unfrozen before the journal says that it was given back",
        law="L14",
        edits=(
            Edit(_SHIFT, '{"revoke_sessions", "recheck"', '{"unfreeze", "revoke_sessions", "recheck"'),
            Edit(_SHIFT, 'if task.kind == "unfreeze" and self._report != WorkReport(streams=1):', "if task is None:"),
        ),
        suspects=("tests/laws/test_l14.py::test_the_event_is_committed_before_the_account_is_unfrozen",),
    ),
)
"""Whose account, and what closes it."""
