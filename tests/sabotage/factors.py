"""Sabotages of the verifiers: what is taken for a proof, and is none (L2, L3, L6)."""

from __future__ import annotations

from typing import Final

from tests.sabotage.sabotage import Edit, Sabotage

_CAPTCHA: Final = "adapters/captcha.py"
_CAPTCHA_TESTS: Final = "tests/adapters/test_captcha.py"

FACTORS: Final = (
    Sabotage(
        name="a verifier that fails counts as having said yes",
        law="L2",
        edits=(
            Edit(
                "flows/proving.py",
                'raise ClosureRefused((refusal("answer_not_judged", attempts_left=left),)) from None',
                "right = True",
            ),
        ),
        suspects=(
            "tests/service/test_failures.py::test_a_captcha_service_that_is_down_proves_nothing_and_accuses_nobody",
        ),
    ),
    Sabotage(
        name="a captcha whose provider is unavailable counts as solved",
        law="L2",
        edits=(Edit(_CAPTCHA, 'raise _failed(name, "verify", "unavailable")', "return True"),),
        suspects=(f"{_CAPTCHA_TESTS}::test_a_provider_that_is_unavailable_has_not_judged",),
    ),
    Sabotage(
        name="a captcha that was solved for something else counts",
        law="L3",
        edits=(Edit(_CAPTCHA, "return strange is None", "return True"),),
        suspects=(f"{_CAPTCHA_TESTS}::test_evidence_of_something_else_proves_nothing",),
    ),
    Sabotage(
        name="a captcha that was shown in another session counts",
        law="L3",
        edits=(Edit(_CAPTCHA, '"hht-closure/captcha", name, job.principal.session)', '"hht-closure/captcha", name)'),),
        suspects=(f"{_CAPTCHA_TESTS}::test_a_token_asked_for_in_one_session_is_wrong_in_another",),
    ),
    Sabotage(
        name="the log-in that opened the session counts as one again",
        law="L2",
        edits=(Edit("adapters/login_again.py", "and job.asked_at <= at <= job.now", "and at <= job.now"),),
        suspects=("tests/attacks/test_other_factors.py::test_the_log_in_that_opened_the_session_is_not_one_again",),
    ),
    Sabotage(
        name="an authenticator's digits are right for every challenge of their half minute",
        law="L6",
        edits=(Edit("adapters/totp.py", "taker=_mac(secret, taker))", "taker=_mac(secret, 0))"),),
        suspects=("tests/adapters/test_totp.py::test_a_step_is_right_for_one_challenge_alone",),
    ),
)
"""What proves, and what does not."""
