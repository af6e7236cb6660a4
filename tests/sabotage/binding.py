"""Sabotages of what a code is bound to, and of how its digits are made (L3, L7)."""

from __future__ import annotations

from typing import Final

from tests.sabotage.sabotage import Edit, Sabotage

_RING: Final = "keys/ring.py"
_CODES: Final = "adapters/codes.py"
_BOUND: Final = 'bound = ("close-account", portal, stream, round_number, factor, channel, contact_version, challenge)'
_PARTS: Final = ("tests/laws/test_l03.py::test_every_part_that_a_code_is_made_for_gives_another_secret",)


def _without(part: str) -> tuple[Edit, ...]:
    """The secret of a challenge, no longer bound to this."""
    left = [one for one in _BOUND.split("(")[1].strip(")").split(", ") if one != part]
    return (Edit(_RING, _BOUND, f"bound = ({', '.join(left)})"),)


BINDING: Final = (
    Sabotage(
        name="the purpose is left out of the derivation",
        law="L3",
        edits=_without('"close-account"'),
        suspects=("tests/core/test_keys.py::test_a_challenge_is_bound_to_its_purpose",),
    ),
    Sabotage(
        name="the account is left out of the derivation",
        law="L3",
        edits=_without("stream"),
        suspects=("tests/laws/test_l03.py::test_a_code_of_one_account_is_wrong_for_another",),
    ),
    Sabotage(
        name="the round is left out of the derivation",
        law="L3",
        edits=_without("round_number"),
        suspects=_PARTS,
    ),
    Sabotage(
        name="the channel is left out of the derivation",
        law="L3",
        edits=_without("channel"),
        suspects=_PARTS,
    ),
    Sabotage(
        name="the contact version is left out of the derivation",
        law="L3",
        edits=_without("contact_version"),
        suspects=_PARTS,
    ),
    Sabotage(
        name="the challenge's id is left out of the derivation",
        law="L3",
        edits=_without("challenge"),
        suspects=("tests/laws/test_l03.py::test_a_code_of_an_earlier_challenge_is_wrong_for_the_next",),
    ),
    Sabotage(
        name="the parts of a MAC are not length-prefixed",
        law="L7",
        edits=(Edit("keys/derivation.py", 'tag + len(content).to_bytes(4, "big") + content', "tag + content"),),
        suspects=("tests/attacks/test_sabotages_taught.py::test_no_content_passes_for_the_boundary_of_a_part",),
    ),
    Sabotage(
        name="a contact that changed is not looked at when an answer is counted",
        law="L3",
        edits=(
            Edit(
                "lifecycle/decide_proving.py",
                "if challenge.channel is not None and (challenge.channel, challenge.contact_version) not in contacts:",
                "if challenge.channel is not None and challenge.channel not in dict(contacts):",
            ),
        ),
        suspects=("tests/laws/test_l03.py::test_a_contact_point_changed_back_revives_nothing",),
    ),
    Sabotage(
        name="a contact that changed is not looked at when proofs are",
        law="L3",
        edits=(
            Edit(
                "lifecycle/facts.py",
                "if now < one.expires and (one.channel is None or (one.channel, one.contact_version) in contacts)",
                "if now < one.expires",
            ),
        ),
        suspects=("tests/laws/test_l03.py::test_a_proof_dies_with_the_contact_version_it_was_given_for",),
    ),
    Sabotage(
        name="digits are bytes modulo ten, and none is thrown away",
        law="L7",
        edits=(Edit(_CODES, "stream.translate(_DIGIT_OF, _BIASED)", "stream.translate(_DIGIT_OF)"),),
        suspects=("tests/laws/test_l07.py::test_every_digit_is_as_likely_as_any_other",),
    ),
    Sabotage(
        name="a code is a number, and loses the zeros at its beginning",
        law="L7",
        edits=(Edit(_CODES, "return Secret(code[:digits].decode())", "return Secret(str(int(code[:digits])))"),),
        suspects=("tests/laws/test_l07.py::test_codes_are_texts_that_keep_their_leading_zeros",),
    ),
    Sabotage(
        name="a code sent again has new digits",
        law="L7",
        edits=(
            Edit(
                "lifecycle/decide_proving.py",
                "            return Accepted((events.ChallengeRepeated(now, last.id),))\n        if all(",
                "            pass\n        elif all(",
            ),
        ),
        suspects=(
            "tests/laws/test_l08.py::test_what_could_not_be_sent_is_sent_next_time_under_the_same_challenge",
            "tests/laws/test_l07.py::test_sending_again_sends_the_same_digits",
        ),
    ),
)
"""What a code is made of, and for what."""
