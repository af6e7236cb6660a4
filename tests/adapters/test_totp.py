"""The digits of an authenticator: those of the standards, each step once, and nothing about anybody in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import get_ident
from typing import Final

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from hht_closure.account import Account, AccountId, Principal
from hht_closure.adapters.memory import MemorySendBudget
from hht_closure.adapters.sqlite import SqliteSendBudget
from hht_closure.adapters.totp import SHORTEST_KEY, Algorithm, TotpSecrets, TotpVerifier
from hht_closure.errors import InvalidValueError, PortError, StoreUnavailableError, WiringError
from hht_closure.ports import (
    Allowance,
    Answer,
    Asked,
    ChallengeJob,
    Exhausted,
    Offer,
    PersonAnswer,
    RequestInfo,
    SendBudget,
    Verifier,
)
from hht_closure.testing.contracts.verifier import VerifierContract
from hht_closure.values import Secret
from hht_closure.verification import totp
from tests.service.doubles import loose
from tests.stage import at_a_barrier

KEY: Final = b"12345678901234567890"
"""The secret of RFC 4226, appendix D, and of RFC 6238, appendix B, for SHA-1."""

OTHER_KEY: Final = b"a secret of its own!"
NOW: Final = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
STEP: Final = timedelta(seconds=30)
TICK: Final = timedelta(microseconds=1)
SHAO: Final = AccountId("shao")
TANG: Final = AccountId("tang")


class Authenticators:
    """A portal's authenticators: the secret of each account that has one."""

    never_blocks = True

    def __init__(self, keys: Mapping[AccountId, bytes]) -> None:
        self._keys = keys

    def secret(self, account: AccountId) -> Secret[bytes] | None:
        """The account's."""
        key = self._keys.get(account)
        return None if key is None else Secret(key)


class AsyncAuthenticators(Authenticators):
    """The same on an event loop."""

    async def secret(self, account: AccountId) -> Secret[bytes] | None:  # type: ignore[override]
        """The account's, later."""
        await asyncio.sleep(0)
        return super().secret(account)


class LyingAuthenticators:
    """A portal's method that breaks its port."""

    def __init__(self, given: object) -> None:
        self._given = given

    def secret(self, account: AccountId) -> Secret[bytes] | None:
        """Something else than a secret of bytes."""
        return self._given  # type: ignore[return-value]


class AsyncBudget:
    """A budget on an event loop."""

    def __init__(self) -> None:
        self._plain = MemorySendBudget()

    async def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """One from each, later."""
        await asyncio.sleep(0)
        return self._plain.take(allowances, now=now)


class WatchedBudget(MemorySendBudget):
    """A budget that may block, and that remembers what it was asked and in which thread; it may be down."""

    never_blocks = False

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Allowance] = []
        self.threads: set[int] = set()
        self.is_down = False

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """One from each."""
        self.asked.extend(allowances)
        self.threads.add(get_ident())
        if self.is_down:
            raise StoreUnavailableError("send budget", "locked")
        return super().take(allowances, now=now)


class TalkativeBudget:
    """A budget that breaks its port and gives a truth where None belongs."""

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """A truth."""
        return True  # type: ignore[return-value]


@pytest.fixture(params=["memory", "sqlite"])
def spent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SendBudget]:
    """A store of used steps, in memory and in SQLite in turn."""
    if request.param == "memory":
        yield MemorySendBudget()
        return
    budget = SqliteSendBudget(tmp_path / "journal.db")
    yield budget
    budget.close()


def made(
    spent: SendBudget | None = None,
    *,
    key: bytes = KEY,
    digits: int = 6,
    algorithm: Algorithm = "SHA1",
    drift: int = 1,
) -> TotpVerifier:
    """A verifier for two people who share a secret; nothing is used up in its store, where none is given."""
    people = Authenticators({SHAO: key, TANG: key})
    store = MemorySendBudget() if spent is None else spent
    return TotpVerifier(people, spent=store, digits=digits, algorithm=algorithm, drift=drift)


def job(*, at: datetime = NOW, challenge: str = "c1", account: AccountId = SHAO) -> ChallengeJob:
    """A challenge that is answered then."""
    return ChallengeJob(
        account=Account(id=account),
        principal=Principal(account=account, session="session-1", logged_in_at=at),
        contact=None,
        challenge=challenge,
        secret=Secret(b"s" * 32),
        now=at,
        expires=at + timedelta(minutes=9),
        valid_for=timedelta(minutes=10),
        locale="en",
        portal="shop",
    )


def is_right(verifier: TotpVerifier, answer: PersonAnswer, asked: ChallengeJob | None = None) -> bool:
    """The verdict on an answer, awaited where that is needed."""
    return settled(verifier.check(job() if asked is None else asked, answer, RequestInfo()))


def settled(given: Answer[bool]) -> bool:
    """The verdict of a verifier, plain or not."""
    return asyncio.run(_awaited(given)) if isinstance(given, Awaitable) else given


async def _awaited(given: Awaitable[bool]) -> bool:
    return await given


def shown(at: datetime = NOW, key: bytes = KEY, step: int = 30) -> str:
    """The six digits that an authenticator with that secret shows then."""
    return TOTP(key, 6, SHA1(), step).generate(at.timestamp()).decode()  # noqa: S303 - as most of them do


# --- the suite ----------------------------------------------------------------------------------------------------


class TestTotpVerifier(VerifierContract):
    """The suite of a verifier over plain parts."""

    def make_verifier(self) -> Verifier:
        """The authenticator of the suite's account."""
        return TotpVerifier(Authenticators({self.an_account().id: KEY}), spent=MemorySendBudget())

    def right_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """What it shows."""
        return shown(job.now)

    def wrong_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """Other digits."""
        return "".join(str(9 - int(digit)) for digit in shown(job.now))


class TestAsyncTotpVerifier(TestTotpVerifier):
    """The same over a portal's method and a store on an event loop."""

    def make_verifier(self) -> Verifier:
        """The authenticator of the suite's account, asked on a loop."""
        return TotpVerifier(AsyncAuthenticators({self.an_account().id: KEY}), spent=AsyncBudget())


def test_it_is_the_factor_that_requirements_name() -> None:
    """The verifier says of itself what ``hht_closure.verification.totp`` says, and sends nothing."""
    verifier: Verifier = made()
    assert (verifier.factor, verifier.assurance, verifier.channel) == (totp.name, "possession", None)


def test_the_factor_can_have_a_name_of_its_own() -> None:
    """A portal with two kinds of authenticator tells them apart by name; the class is the same."""
    verifier = TotpVerifier(Authenticators({}), spent=MemorySendBudget(), factor="hardware_token", digits=8)
    assert (verifier.factor, verifier.assurance) == ("hardware_token", "possession")


def test_an_account_without_an_authenticator_is_not_offered_the_factor() -> None:
    """``offer`` gives None, and nothing is asked of who cannot answer; with one there is an offer."""
    verifier = TotpVerifier(Authenticators({SHAO: KEY}), spent=MemorySendBudget())
    assert [verifier.offer(Account(id=one)) for one in (SHAO, TANG)] == [Offer(), None]


# --- the standards' own numbers --------------------------------------------------------------------------------------

HOTP_VALUES: Final = (
    "755224",
    "287082",
    "359152",
    "969429",
    "338314",
    "254676",
    "287922",
    "162583",
    "399871",
    "520489",
)
"""RFC 4226, appendix D: the values for the counters 0 to 9."""

KEYS: Final[Mapping[Algorithm, bytes]] = {"SHA1": KEY, "SHA256": (KEY * 2)[:32], "SHA512": (KEY * 4)[:64]}
TOTP_TIMES: Final = (59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000)
TOTP_VALUES: Final[Mapping[Algorithm, tuple[str, ...]]] = {
    "SHA1": ("94287082", "07081804", "14050471", "89005924", "69279037", "65353130"),
    "SHA256": ("46119246", "68084774", "67062674", "91819424", "90698825", "77737706"),
    "SHA512": ("90693936", "25091201", "99943326", "93441116", "38618901", "47863826"),
}
"""RFC 6238, appendix B: the values at those times, in seconds since 1970; the secrets are those of appendix A."""


@pytest.mark.parametrize("counter", range(10))
def test_the_values_of_rfc_4226_are_right_each_in_its_step(counter: int) -> None:
    """Of the ten values of appendix D one is right, that of the counter which the time makes (RFC 4226)."""
    asked = job(at=datetime.fromtimestamp(counter * 30, UTC))
    assert [one for one in HOTP_VALUES if is_right(made(drift=0), one, asked)] == [HOTP_VALUES[counter]]


@pytest.mark.parametrize("algorithm", TOTP_VALUES)
@pytest.mark.parametrize("number", range(6))
def test_the_values_of_rfc_6238_are_right_each_at_its_time(algorithm: Algorithm, number: int) -> None:
    """Of the eighteen values of appendix B one is right, that of the time and the hash (RFC 6238)."""
    asked = job(at=datetime.fromtimestamp(TOTP_TIMES[number], UTC))
    verifiers = partial(made, key=KEYS[algorithm], digits=8, algorithm=algorithm, drift=0)
    values = [one for row in TOTP_VALUES.values() for one in row]
    assert [one for one in values if is_right(verifiers(), one, asked)] == [TOTP_VALUES[algorithm][number]]


# --- the forms of an answer ------------------------------------------------------------------------------------------

LEADING_ZERO: Final = job(at=datetime.fromtimestamp(TOTP_TIMES[1], UTC))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("07081804", id="as it is shown"),
        pytest.param(" 0708 1804\n", id="in groups"),
        pytest.param("\uff10\uff17\uff10\uff18\u3000\uff11\uff18\uff10\uff14", id="in full width"),
        pytest.param({"code": "07081804"}, id="under its name"),
    ],
)
def test_digits_are_read_as_people_write_them(answer: PersonAnswer) -> None:
    """White space is left out, full width counts, and the zero in front stays."""
    assert is_right(made(digits=8), answer, LEADING_ZERO) is True


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param("7081804", "not_a_code", id="without the zero in front"),
        pytest.param("007081804", "not_a_code", id="one too many"),
        pytest.param("", "not_a_code", id="nothing"),
        pytest.param("0708180x", "not_a_code", id="a letter"),
        pytest.param("-7081804", "not_a_code", id="a sign"),
        pytest.param("\u0660\u0667\u0660\u0668\u0661\u0668\u0660\u0664", "not_a_code", id="digits of no authenticator"),
        pytest.param("07081804" + " " * 60, "too_long", id="too long to be looked at"),
        pytest.param({"pin": "07081804"}, "not_a_text", id="under another name"),
    ],
)
def test_what_is_not_that_many_digits_is_no_answer(answer: PersonAnswer, problem: str) -> None:
    """It is said, and the store is not asked."""
    watched = WatchedBudget()
    with pytest.raises(InvalidValueError) as caught:
        is_right(made(watched, digits=8), answer, LEADING_ZERO)
    assert (caught.value.args, watched.asked) == (("answer", problem), [])


# --- the drift -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drift", "accepted"), [(0, [0]), (1, [-1, 0, 1]), (2, [-2, -1, 0, 1, 2])], ids=["none", "one", "two"]
)
def test_so_many_steps_before_and_after_are_accepted_and_no_more(drift: int, accepted: list[int]) -> None:
    """An authenticator whose clock is wrong by the drift is believed, and one that is further off is not."""
    steps = range(-4, 5)
    assert [step for step in steps if is_right(made(drift=drift), shown(NOW + step * STEP))] == accepted


@pytest.mark.parametrize(
    ("seconds", "tick", "right"),
    [
        pytest.param(-30, -TICK, False, id="a microsecond before the drift begins"),
        pytest.param(-30, timedelta(0), True, id="when the drift begins"),
        pytest.param(60, -TICK, True, id="a microsecond before the drift ends"),
        pytest.param(60, timedelta(0), False, id="when the drift ends"),
    ],
)
def test_a_step_is_accepted_until_just_before_its_drift_ends(seconds: int, tick: timedelta, right: bool) -> None:
    """Validity is half open, and exact to the microsecond (L6)."""
    begins = NOW - timedelta(seconds=10)
    asked = job(at=begins + timedelta(seconds=seconds) + tick)
    assert is_right(made(), shown(begins), asked) is right


@pytest.mark.parametrize("answer", [shown(NOW - STEP), shown(), shown(NOW + STEP), "000000"])
def test_every_step_is_compared_whichever_it_is(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three comparisons for the first, the second, the third step and for none: the time taken names none (L7)."""
    compared: list[object] = []
    matches = Secret.matches

    def counted(secret: Secret[object], other: str | bytes) -> bool:
        compared.append(other)
        return matches(secret, other)

    monkeypatch.setattr(Secret, "matches", counted)
    is_right(made(), answer)
    assert compared == [answer] * 3


def test_before_the_first_step_there_is_none() -> None:
    """In 1970 the drift does not reach below zero."""
    epoch = datetime.fromtimestamp(0, UTC)
    assert is_right(made(), HOTP_VALUES[1], job(at=epoch)) is True


# --- once ------------------------------------------------------------------------------------------------------------


def test_a_step_is_right_for_one_challenge_alone(spent: SendBudget) -> None:
    """What one challenge was answered with is wrong for the next (RFC 6238, 5.2; L6, CODE-12)."""
    verifier = made(spent)
    assert [is_right(verifier, shown(), job(challenge=one)) for one in ("c1", "c2")] == [True, False]


def test_the_next_step_is_right_for_the_next_challenge(spent: SendBudget) -> None:
    """The twin: whoever waits for other digits is not held up."""
    verifier = made(spent)
    first = is_right(verifier, shown(), job(challenge="c1"))
    assert (first, is_right(verifier, shown(NOW + STEP), job(challenge="c2", at=NOW + STEP))) == (True, True)


def test_a_step_stays_right_for_its_own_challenge(spent: SendBudget) -> None:
    """A click that comes twice is not told that it was wrong (L6)."""
    verifier = made(spent)
    assert [is_right(verifier, shown()) for _ in range(3)] == [True, True, True]


def test_a_step_counts_once_for_all_accounts_with_one_authenticator(spent: SendBudget) -> None:
    """The step is the authenticator's: what closed one account closes no other (L1, L6, CODE-12)."""
    verifier = made(spent)
    jobs = [job(challenge=f"c-{one}", account=one) for one in (SHAO, TANG)]
    assert [is_right(verifier, shown(), one) for one in jobs] == [True, False]


def test_another_authenticator_has_steps_of_its_own(spent: SendBudget) -> None:
    """The twin: two people at the same instant, each with what their own shows."""
    verifier = TotpVerifier(Authenticators({SHAO: KEY, TANG: OTHER_KEY}), spent=spent)
    mine, other = job(challenge="c1"), job(challenge="c2", account=TANG)
    assert (is_right(verifier, shown(), mine), is_right(verifier, shown(key=OTHER_KEY), other)) == (True, True)


def test_of_sixteen_challenges_at_one_instant_one_gets_the_step(spent: SendBudget) -> None:
    """Sixteen threads at a barrier, each for a challenge of its own: one is right (L6, CODE-02)."""
    verifier = made(spent)
    verdicts, _ = at_a_barrier(16, lambda number: is_right(verifier, shown(), job(challenge=f"c{number}")))
    assert sorted(verdicts) == [False] * 15 + [True]


def test_wrong_digits_use_up_nothing(spent: SendBudget) -> None:
    """A guess for one challenge takes nothing from another's right answer."""
    verifier = made(spent)
    wrong, right = is_right(verifier, "000000", job(challenge="c1")), is_right(verifier, shown(), job(challenge="c2"))
    assert (wrong, right) == (False, True)


def test_a_used_step_is_remembered_for_as_long_as_it_would_be_accepted(spent: SendBudget) -> None:
    """Used at the first instant of the widest drift, and tried at the last: wrong (RFC 6238, 5.2; L6)."""
    verifier, begins = made(spent, drift=2), NOW - timedelta(seconds=10)
    first, last = job(at=begins - 2 * STEP, challenge="c1"), job(at=begins + 3 * STEP - TICK, challenge="c2")
    assert (is_right(verifier, shown(begins), first), is_right(verifier, shown(begins), last)) == (True, False)


def test_a_clock_that_ran_ahead_and_was_put_right_revives_no_step(spent: SendBudget) -> None:
    """Used; an hour ahead the store forgets what is over; put right: still used (L6, CODE-19)."""
    verifier = made(spent)
    first = is_right(verifier, shown(), job(challenge="c1"))
    ahead = NOW + timedelta(hours=1)
    other = is_right(verifier, shown(ahead), job(at=ahead, challenge="c2"))
    assert (first, other, is_right(verifier, shown(), job(challenge="c3"))) == (True, True, False)


SAME_DIGITS: Final = "235522"
TWICE: Final = datetime.fromtimestamp(62_075_368 * 30, UTC)
"""From then on the authenticator with ``KEY`` shows the same digits for two steps, as happens once in 10^6."""


@pytest.mark.parametrize("steps", [1, 2])
def test_digits_that_two_steps_show_are_used_up_in_both(spent: SendBudget, steps: int) -> None:
    """The digits are what somebody saw: used in the first step, they are wrong while the second is accepted (L6)."""
    verifier = made(spent)
    first = is_right(verifier, SAME_DIGITS, job(at=TWICE, challenge="c1"))
    later = is_right(verifier, SAME_DIGITS, job(at=TWICE + steps * STEP, challenge="c2"))
    assert (first, later) == (True, False)


def test_digits_that_two_steps_show_are_right_once(spent: SendBudget) -> None:
    """The twin: nobody has used them, and they are right in the second step as well."""
    assert is_right(made(spent), SAME_DIGITS, job(at=TWICE + 2 * STEP)) is True


# --- the portal's own log-in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["log-in", "closing"])
def test_a_step_is_shared_with_a_login_that_spends_it(spent: SendBudget, first: str) -> None:
    """What was used at the log-in closes no account, and the other way round (RFC 6238, 5.2; L3)."""
    verifier, secret = made(spent), Secret(KEY)
    uses = {
        "log-in": lambda: settled(verifier.spend(secret, shown(), taker="login-7", now=NOW)),
        "closing": lambda: is_right(verifier, shown()),
    }
    second = next(one for one in uses if one != first)
    assert (uses[first](), uses[second]()) == (True, False)


def test_a_login_that_asks_again_is_told_the_same(spent: SendBudget) -> None:
    """The twin: one log-in whose request came twice, and no other log-in."""
    verifier = made(spent)
    takers = ("login-7", "login-7", "login-8")
    verdicts = [settled(verifier.spend(Secret(KEY), shown(), taker=one, now=NOW)) for one in takers]
    assert verdicts == [True, True, False]


def test_a_login_says_who_takes() -> None:
    """Without a name, everybody would be the same taker."""
    with pytest.raises(InvalidValueError) as caught:
        made().spend(Secret(KEY), shown(), taker="", now=NOW)
    assert caught.value.args == ("taker", "too_short")


# --- what does not answer proves nothing ---------------------------------------------------------------------------


def test_a_store_that_is_down_is_no_yes() -> None:
    """Not judged, told apart from wrong; when the store is back, the same digits are right (L6)."""
    watched = WatchedBudget()
    verifier = made(watched)
    watched.is_down = True
    with pytest.raises(StoreUnavailableError):
        is_right(verifier, shown())
    watched.is_down = False
    assert is_right(verifier, shown()) is True


def test_a_store_that_gives_nonsense_is_no_yes() -> None:
    """What is neither None nor exhausted is a failure of the store."""
    with pytest.raises(PortError) as caught:
        is_right(made(TalkativeBudget()), shown())
    assert caught.value.args == ("TalkativeBudget.take", "wrong_type")


@pytest.mark.parametrize(
    "given", [Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), KEY, True], ids=["Base32", "bytes", "a truth"]
)
def test_a_secret_that_is_none_is_an_error_of_the_portal(given: object) -> None:
    """Text instead of bytes, or bytes in the open: said, and nothing is compared."""
    verifier = TotpVerifier(LyingAuthenticators(given), spent=MemorySendBudget())
    with pytest.raises(PortError) as caught:
        is_right(verifier, shown())
    assert caught.value.args == ("LyingAuthenticators.secret", "wrong_type")


def test_a_secret_shorter_than_128_bits_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """It is not offered, proves nothing, and is an error in the log without the secret (RFC 4226, 4, R6; L22)."""
    short = KEY[: SHORTEST_KEY - 1]
    verifier = TotpVerifier(Authenticators({SHAO: short}), spent=MemorySendBudget())
    outcomes = (verifier.offer(Account(id=SHAO)), is_right(verifier, "755224"))
    assert (outcomes, set(caplog.messages), short.decode() in caplog.text) == (
        (None, False),
        {"an authenticator's secret is shorter than 128 bits, and is not used"},
        False,
    )


def test_a_secret_of_128_bits_is_used() -> None:
    """The twin: the least that the standard allows (RFC 4226, 4, R6)."""
    assert is_right(made(key=KEY[:SHORTEST_KEY]), shown(key=KEY[:SHORTEST_KEY])) is True


def test_a_short_secret_is_not_spent_either() -> None:
    """The log-in's call has no other rule (RFC 4226, 4, R6)."""
    with pytest.raises(ValueError, match="128 bits"):
        made().spend(Secret(KEY[: SHORTEST_KEY - 1]), shown(), taker="login-7", now=NOW)


def test_an_authenticator_that_was_taken_away_proves_nothing() -> None:
    """No secret, no right digits, also where the challenge was made while there was one."""
    assert is_right(TotpVerifier(Authenticators({}), spent=MemorySendBudget()), shown()) is False


def test_the_store_is_told_nothing_of_anybody() -> None:
    """Account, challenge, digits, step and secret: none of them is in what the store gets (L22)."""
    watched = WatchedBudget()
    is_right(made(watched), shown(), job(challenge="stream-of-shao.1.1"))
    (told,) = watched.asked
    private = (SHAO, "stream-of-shao", shown(), str(int(NOW.timestamp()) // 30), KEY.decode())
    assert [one for one in private if one in repr(told)] == []


# --- how it is made --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("digits", 5, "number_out_of_range"),
        ("digits", 9, "number_out_of_range"),
        ("digits", True, "not_a_number"),
        ("digits", "6", "not_a_number"),
        ("drift", -1, "number_out_of_range"),
        ("drift", 3, "number_out_of_range"),
        ("drift", True, "not_a_number"),
        ("drift", 0.5, "not_a_number"),
        ("algorithm", "MD5", "unknown"),
        ("algorithm", "sha1", "unknown"),
        ("step", 30, "not_a_duration"),
        ("step", timedelta(0), "duration_out_of_range"),
        ("step", timedelta(seconds=14), "duration_out_of_range"),
        ("step", timedelta(seconds=121), "duration_out_of_range"),
        ("step", timedelta(seconds=30, microseconds=1), "duration_not_in_seconds"),
    ],
)
def test_what_it_cannot_be_is_refused_when_it_is_made(setting: str, value: object, problem: str) -> None:
    """Not at the first customer (L30)."""
    with pytest.raises(InvalidValueError) as caught:
        loose(TotpVerifier)(Authenticators({}), spent=MemorySendBudget(), **{setting: value})
    assert caught.value.args == (setting, problem)


def test_a_step_of_a_minute_is_a_minute_long() -> None:
    """Some hardware shows the same digits for sixty seconds."""
    verifier = TotpVerifier(Authenticators({SHAO: KEY}), spent=MemorySendBudget(), step=timedelta(minutes=1), drift=0)
    instants = (NOW, NOW + timedelta(seconds=50) - TICK, NOW + timedelta(seconds=50))
    assert [is_right(verifier, shown(step=60), job(at=one)) for one in instants] == [True, True, False]


# --- plain and asynchronous ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secrets", "store", "is_async", "never_blocks"),
    [
        pytest.param(Authenticators({}), MemorySendBudget(), False, True, id="plain, and neither blocks"),
        pytest.param(Authenticators({}), WatchedBudget(), False, False, id="plain, and the store blocks"),
        pytest.param(AsyncAuthenticators({}), WatchedBudget(), True, True, id="the secrets on a loop"),
        pytest.param(Authenticators({}), AsyncBudget(), True, True, id="the store on a loop"),
    ],
)
def test_it_says_how_it_is_to_be_called(
    secrets: TotpSecrets, store: SendBudget, is_async: bool, never_blocks: bool
) -> None:
    """The service refuses or threads it by what it says of itself."""
    verifier = TotpVerifier(secrets, spent=store)
    assert (verifier.is_async, verifier.never_blocks) == (is_async, never_blocks)


def test_a_store_that_blocks_does_not_hold_up_the_loop() -> None:
    """With secrets on the loop, a plain store is called in another thread."""
    watched = WatchedBudget()
    verifier = TotpVerifier(AsyncAuthenticators({SHAO: KEY}), spent=watched)
    right = is_right(verifier, shown())
    assert (right, len(watched.threads), get_ident() in watched.threads) == (True, 1, False)


def test_a_plain_method_that_gives_something_to_await_is_found_out() -> None:
    """It would never be awaited, so it is an error and no verdict."""
    plain = Authenticators({SHAO: KEY})

    async def later(account: AccountId) -> Secret[bytes] | None:
        return Authenticators.secret(plain, account)

    loose(setattr)(plain, "secret", later)
    with pytest.raises(WiringError):
        is_right(TotpVerifier(plain, spent=MemorySendBudget()), shown())


def test_neither_secret_nor_digits_show_themselves() -> None:
    """The ``repr`` of a verifier and of what it asks tells nothing (L7)."""
    verifier = made()
    assert [one for one in (KEY.decode(), shown()) if one in repr(verifier) + repr(verifier.begin(job()))] == []


def test_a_naive_time_is_refused() -> None:
    """Nobody can know which step it means (L30)."""
    with pytest.raises(InvalidValueError) as caught:
        made().spend(Secret(KEY), shown(), taker="login-7", now=NOW.replace(tzinfo=None))
    assert caught.value.args == ("now", "naive_time")
