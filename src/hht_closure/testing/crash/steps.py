"""What a person does in a scenario, each step written as a browser does it: once more, when no answer came."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from hht_closure.account import Channel
from hht_closure.canonical import Json, digest
from hht_closure.errors import ClosureRefused
from hht_closure.events import (
    ClosingLocked,
    ClosureConfirmed,
    FactorProved,
    ReasonGiven,
    RoundOpened,
    RoundWithdrawn,
)
from hht_closure.flows.calls import driven
from hht_closure.stages import Closed, Closing
from hht_closure.testing.crash.life import LOCALE, Life, NotYet, Step

_CHECK_AGAIN = frozenset({"check_needed", "check_unknown"})


def logs_in() -> Step:
    """A fresh log-in."""
    return Step("log in", Life.log_in)


def looks() -> Step:
    """The person reads what closing would mean, and where they are; that changes nothing."""

    def act(life: Life) -> None:
        life.service.explain(life.principal, LOCALE)
        life.service.current(life.principal)

    return Step("look", act)


def opens() -> Step:
    """A round is opened, every statement answered."""
    return Step("open", _open, leaves=RoundOpened)


def goes_on() -> Step:
    """The person comes back to the round that is open, and has what needs it checked again."""
    return Step("go on", _open)


def _open(life: Life) -> None:
    view = life.service.open(life.principal)
    if any(one.code in _CHECK_AGAIN for one in view.missing):
        view = life.service.recheck(life.principal)
    if any(one.code in _CHECK_AGAIN for one in view.missing):
        raise NotYet(life.kept.clock.now())
    for one in view.statements:
        life.service.attest(life.principal, one.code, "done", wording=one.wording, locale=LOCALE)


def gives_reason(note: str = "I move abroad.") -> Step:
    """A reason is given, with a note of the person's own."""

    def act(life: Life) -> None:
        life.service.give_reason(life.principal, "other", note=note)

    return Step("give a reason", act, leaves=ReasonGiven)


def proves(factor: str, channel: Channel) -> Step:
    """A code is asked for, read on that channel, and typed.

    Who comes again looks whether it was taken, types the code that is there, and only then asks for another.
    """
    return Step(f"prove {factor}", partial(_prove, factor=factor, channel=channel), leaves=FactorProved)


def _prove(life: Life, *, factor: str, channel: Channel) -> None:
    if life.again and (_is_proved(life, factor) or _is_accepted(life, factor, channel)):
        return
    try:
        challenge = life.service.challenge(life.principal, factor)
    except ClosureRefused as refused:
        if "factor_out_of_order" in refused.codes:
            _prove_first(life)
        raise
    if not challenge.delivered:
        raise NotYet(challenge.resend_at)
    if not life.service.answer(life.principal, factor, _code(life, channel) or "").accepted:
        life.finds("lost", "the code that was sent last is not taken")


def _prove_first(life: Life) -> None:
    """What comes before was proved, and is too old by now: so it is proved once more."""
    for one in life.service.current(life.principal).factors:
        channel = life.looking.wiring.verifiers[one.name].channel
        if one.reached and not one.proved and channel is not None:
            _prove(life, factor=one.name, channel=channel)


def _is_proved(life: Life, factor: str) -> bool:
    view = life.service.current(life.principal)
    return any(one.name == factor and one.proved for one in view.factors)


def _is_accepted(life: Life, factor: str, channel: Channel) -> bool:
    code = _code(life, channel)
    if code is None:
        return False
    with suppress(ClosureRefused):
        return life.service.answer(life.principal, factor, code).accepted
    return False


def _code(life: Life, channel: Channel) -> str | None:
    return life.kept.outbox.last_code(channel)


def fails(factor: str, channel: Channel) -> Step:
    """Wrong codes are typed until the closing is locked."""
    return Step(f"fail {factor}", partial(_fail, factor=factor, channel=channel), leaves=ClosingLocked)


def _fail(life: Life, *, factor: str, channel: Channel) -> None:
    if life.service.current(life.principal).locked_until is not None:
        return
    wrong = (_code(life, channel) or "").translate(str.maketrans("0123456789", "1234567890"))
    try:
        verdict = life.service.answer(life.principal, factor, wrong)
    except ClosureRefused as refused:
        if "challenge_missing" not in refused.codes and "challenge_expired" not in refused.codes:
            raise
        life.service.challenge(life.principal, factor)
    else:
        if verdict.locked_until is not None:
            return
    raise NotYet(life.kept.clock.now())


def confirms() -> Step:
    """The notice is read and confirmed.

    Without an answer, the same confirmation is sent once more, and must give the same reference (L12), also where
    the account is closed meanwhile. Where it was given back, a letter tells, and the person leaves it at that.
    """
    return Step("confirm", _confirm, leaves=ClosureConfirmed)


def _confirm(life: Life) -> None:
    notes = life.kept.notes
    if not life.again:
        notes.drop("nonce")
        notes.write("given back before", str(_given_back(life)))
    if _given_back(life) > int(notes.read("given back before") or "0"):
        return
    nonce = notes.read("nonce")
    if nonce is None:
        nonce = life.service.notice(life.principal, LOCALE).nonce
        notes.write("nonce", nonce)
    try:
        confirmation = life.service.confirm(life.principal, nonce)
    except ClosureRefused:
        if _is_accepted_with(life, nonce):
            life.finds("lost", "a confirmation that was accepted is refused when it is repeated")
            return
        notes.drop("nonce")
        raise
    told = notes.read(f"reference for {nonce}") or confirmation.reference
    notes.write(f"reference for {nonce}", told)
    if told != confirmation.reference:
        life.finds("doubled", "the same confirmation gave another reference")


def _is_accepted_with(life: Life, nonce: str) -> bool:
    """Whether the journal has it confirmed with that very nonce."""
    stage = driven(life.looking.streams.load(life.looking.streams.name(life.scenario.account))).closure.stage
    shown: Json = nonce
    return isinstance(stage, Closing | Closed) and stage.confirmed.nonce_digest == digest(shown)


def _given_back(life: Life) -> int:
    """How often the person was told that it was given back."""
    return len({one.id for one in life.kept.outbox.sent() if one.kind == "given_back"})


def withdraws() -> Step:
    """The account is kept after all."""
    return Step("withdraw", _withdraw, leaves=RoundWithdrawn)


def _withdraw(life: Life) -> None:
    if life.again and life.service.current(life.principal).step == "withdrawn":
        return
    life.service.withdraw(life.principal)


def reads_receipt() -> Step:
    """Whoever holds the reference asks how far it is, and for the receipt; the log-in is gone."""
    return Step("read the receipt", _read_receipt)


def _read_receipt(life: Life) -> None:
    nonce = life.kept.notes.read("nonce")
    reference = life.kept.notes.read(f"reference for {nonce}") or ""
    status = life.service.status(reference)
    if status.step != "closed":
        raise NotYet(life.kept.clock.now())
    life.service.receipt(reference)


def waits(by: timedelta) -> Step:
    """So much time passes, and the workers do what is due, when it is."""

    def act(life: Life) -> None:
        ends = life.kept.notes.read("waits until")
        if ends is None or not life.again:
            ends = (life.kept.clock.now() + by).isoformat()
            life.kept.notes.write("waits until", ends)
        end = datetime.fromisoformat(ends)
        while (due := life.next_due()) is not None and due < end:
            life.wait_until(due)
            life.work_off()
        life.wait_until(end)
        life.work_off()

    return Step(f"wait for {by}", act)


def works() -> Step:
    """The workers do what is due."""
    return Step("work", Life.work_off)


def settles(name: str) -> Step:
    """Something outside is settled, which the host's side finds in the notes: a bill is paid, a system mended."""

    def act(life: Life) -> None:
        life.kept.notes.write(name, "yes")

    return Step(name, act)
