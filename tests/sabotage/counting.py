"""Sabotages of counting, of the lock, and of what is valid until when (L4, L5, L6)."""

from __future__ import annotations

from typing import Final

from tests.sabotage.sabotage import Edit, Sabotage

_DECIDE: Final = "lifecycle/decide_proving.py"
_EVOLVE: Final = "lifecycle/evolve_dialogue.py"
_LOCKED: Final = "    if locked:\n        return Refused(locked)\n    "
_LOCKED_ELSEWHERE: Final = '    if locked and command.factor != "email_code":\n        return Refused(locked)\n    '

COUNTING: Final = (
    Sabotage(
        name="an answer is compared before it is counted",
        law="L4",
        edits=(
            Edit(
                "flows/proving.py",
                "        loaded, counted, account = await self._streams.perform(stream, look, ask)\n",
                "        early, seen = await self._streams.load(stream), await look()\n"
                "        early_job = self._job(early, *_pending(early, factor), seen, principal)\n"
                "        await verifier.check(early_job, answer, RequestInfo())\n"
                "        loaded, counted, account = await self._streams.perform(stream, look, ask)\n",
            ),
        ),
        suspects=("tests/laws/test_l04.py::test_the_count_is_committed_before_the_comparison",),
    ),
    Sabotage(
        name="a new code gives the attempts back",
        law="L5",
        edits=(
            Edit(
                _EVOLVE,
                "before.challenges + 1, before.counted, before.failures, before.in_flight, before.locked_until)",
                "before.challenges + 1, before.counted, locked_until=before.locked_until)",
            ),
        ),
        suspects=(
            "tests/attacks/test_sabotages_taught.py::test_a_challenge_that_follows_a_dead_one_gives_no_attempt_back",
        ),
    ),
    Sabotage(
        name="a new round gives the attempts back",
        law="L5",
        edits=(Edit(_EVOLVE, "event.carried.attempts", "Attempts(event.carried.attempts.challenges)"),),
        suspects=("tests/laws/test_l05.py::test_a_new_round_session_or_process_gives_no_attempt_back",),
    ),
    Sabotage(
        name="a right answer gives the attempts back",
        law="L5",
        edits=(
            Edit(
                _EVOLVE,
                "before.failures,\n        tuple(one for one in before.in_flight if one.challenge != event.challenge)",
                "(),\n        tuple(one for one in before.in_flight if one.challenge != event.challenge)",
            ),
        ),
        suspects=("tests/core/test_decide_proving.py::test_failures_of_all_factors_count_together",),
    ),
    Sabotage(
        name="a right answer settles what is in flight on other challenges",
        law="L5",
        edits=(Edit(_EVOLVE, "tuple(one for one in before.in_flight if one.challenge != event.challenge)", "()"),),
        suspects=(
            "tests/laws/test_l05.py::test_a_success_settles_what_is_in_flight_on_its_own_challenge_and_nothing_else",
        ),
    ),
    Sabotage(
        name="answers in flight are not counted",
        law="L5",
        edits=(Edit("lifecycle/facts.py", " + closure.attempts.in_flight_since(start)", ""),),
        suspects=("tests/laws/test_l05.py::test_answers_in_flight_use_up_the_limit_and_lock_nobody",),
    ),
    Sabotage(
        name="the lock holds for the factor that brought it alone",
        law="L5",
        edits=(
            Edit(_DECIDE, f"{_LOCKED}proved", f"{_LOCKED_ELSEWHERE}proved"),
            Edit(_DECIDE, f"{_LOCKED}challenge", f"{_LOCKED_ELSEWHERE}challenge"),
        ),
        suspects=("tests/laws/test_l05.py::test_the_lock_holds_for_every_factor",),
    ),
    Sabotage(
        name="no fresh log-in is asked for after the lock",
        law="L5",
        edits=(
            Edit(
                "lifecycle/facts.py",
                "return principal.logged_in_at is not None and start <= principal.logged_in_at <= now + CLOCK_SKEW",
                "return principal.logged_in_at is not None",
            ),
        ),
        suspects=("tests/laws/test_l05.py::test_after_the_lock_a_fresh_login_is_asked_for",),
    ),
    Sabotage(
        name="old challenges live on after the lock",
        law="L5",
        edits=(Edit(_EVOLVE, "proving = Proving((), stage.proving.proofs)", "proving = stage.proving"),),
        suspects=("tests/core/test_decide_proving.py::test_a_lock_kills_the_old_challenges_and_leaves_the_proofs",),
    ),
    Sabotage(
        name="a code that was right is not used up",
        law="L6",
        edits=(Edit(_EVOLVE, "consumed=True", "consumed=False"),),
        suspects=("tests/laws/test_l06.py::test_a_code_is_used_once",),
    ),
    Sabotage(
        name="a code is valid at the instant at which it expires",
        law="L6",
        edits=(Edit(_DECIDE, "if now >= challenge.expires:", "if now > challenge.expires:"),),
        suspects=("tests/laws/test_l06.py::test_a_code_too_late_is_refused_and_not_counted",),
    ),
    Sabotage(
        name="the machine follows a clock that steps back",
        law="L6",
        edits=(Edit("lifecycle/__init__.py", "if closure.at is None or now >= closure.at:", "if now is not None:"),),
        suspects=("tests/laws/test_l06.py::test_a_clock_that_steps_back_revives_no_code",),
    ),
    Sabotage(
        name="what is shown follows a clock that steps back",
        law="L6",
        edits=(Edit("flows/stream.py", "return now if last is None or now > last else last", "return now"),),
        suspects=("tests/attacks/test_sabotages_taught.py::test_a_clock_that_steps_back_revives_no_notice",),
    ),
)
"""What counts, and until when."""
