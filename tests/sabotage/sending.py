"""Sabotages of what is sent, when, and how often (L8)."""

from __future__ import annotations

from typing import Final

from tests.sabotage.sabotage import Edit, Sabotage

_FLOW: Final = "flows/proving.py"
_NOT_SPENT: Final = Edit(_FLOW, "await self._spend(loaded, contact.channel, offer, factor)\n", "pass\n")

SENDING: Final = (
    Sabotage(
        name="the requirement has no order, and a code goes out before the captcha",
        law="L8",
        edits=(
            Edit(
                "verification.py",
                "                if not holds(part, proved):\n                    return False\n",
                "",
            ),
        ),
        suspects=("tests/laws/test_l08.py::test_without_the_captcha_no_message_is_sent",),
    ),
    Sabotage(
        name="the machine does not look at the hold-off",
        law="L8",
        edits=(
            Edit(
                "lifecycle/decide_proving.py",
                "if last is not None and sends and not is_over(last.sent_at, times.resend_after, now):",
                "if last is not None and sends and now < last.sent_at:",
            ),
        ),
        suspects=("tests/laws/test_l08.py::test_the_machine_keeps_the_hold_off_by_itself",),
    ),
    Sabotage(
        name="no budget is taken",
        law="L8",
        edits=(_NOT_SPENT,),
        suspects=("tests/laws/test_l08.py::test_one_destination_gets_no_more_than_its_share_from_several_accounts",),
    ),
    Sabotage(
        name="the budgets are taken after the sending",
        law="L8",
        edits=(
            _NOT_SPENT,
            Edit(
                _FLOW,
                "        asked = await self._begin(verifier, self._job(loaded, stage, pending, account, principal))\n",
                "        asked = await self._begin(verifier, self._job(loaded, stage, pending, account, principal))\n"
                "        if offer is not None and verifier.channel is not None:\n"
                "            await self._spend(loaded, verifier.channel, offer, factor)\n",
            ),
        ),
        suspects=("tests/laws/test_l08.py::test_one_destination_gets_no_more_than_its_share_from_several_accounts",),
    ),
    Sabotage(
        name="a budget that cannot be asked counts as free",
        law="L8",
        edits=(
            Edit(
                _FLOW,
                "except (StoreUnavailableError, PortError) as error:\n"
                '            raise ClosureRefused((refusal("temporarily_unavailable"),)) from error',
                "except (StoreUnavailableError, PortError):\n            return",
            ),
        ),
        suspects=("tests/service/test_failures.py::test_a_send_budget_that_cannot_be_asked_is_used_up",),
    ),
    Sabotage(
        name="the numbers of one block have no budget together",
        law="L8",
        edits=(Edit(_FLOW, '            ("number_block", offer.number_block, limits.per_number_block),\n', ""),),
        suspects=("tests/attacks/test_pumping.py::test_numbers_that_lie_side_by_side_share_a_budget",),
    ),
    Sabotage(
        name="a budget that is used up raises an alarm for each request",
        law="L8",
        edits=(
            Edit(
                _FLOW,
                "if _has_raised(loaded, alarm, now) or await self._wiring.budgets.take((once,), now=now) is not None:",
                "if once.limit == 0:",
            ),
        ),
        suspects=("tests/laws/test_l08.py::test_a_budget_of_many_that_is_used_up_raises_one_alarm",),
    ),
)
"""What goes out."""
