"""One-time codes: derived, sent, compared; and what a person is shown of the destination."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

import attrs
import pytest

from hht_closure.account import Account, AccountId, Channel, ContactPoint
from hht_closure.adapters.codes import (
    CodeVerifier,
    counted_email,
    counted_number,
    derived_code,
    email_code_verifier,
    masked_email,
    masked_phone,
    sms_code_verifier,
)
from hht_closure.adapters.phone import MobileNumbers
from hht_closure.errors import DeliveryError, InvalidValueError, WiringError
from hht_closure.ports import (
    Answer,
    Asked,
    ChallengeJob,
    CodeMessage,
    CodeSender,
    Offer,
    PersonAnswer,
    RequestInfo,
    Verifier,
)
from hht_closure.testing.contracts.code_sender import CodeSenderContract, Delivered
from hht_closure.testing.contracts.verifier import EMAIL, SMS, SendingVerifierContract
from hht_closure.values import Secret

SECRET = Secret(b"\x01" * 32)
CHINA = MobileNumbers(regions=("CN",))


class KeptCodes:
    """A sender that keeps what it is given, and fails where it is told to."""

    def __init__(self, channel: Channel, failure: Exception | None = None) -> None:
        self.channel: Channel = channel
        self.kept: list[CodeMessage] = []
        self._failure = failure

    def send(self, message: CodeMessage) -> None:
        """Keep the message, or fail."""
        if self._failure is not None:
            raise self._failure
        self.kept.append(message)


class AsyncKeptCodes(KeptCodes):
    """The same for a portal with an event loop."""

    def send(self, message: CodeMessage) -> Awaitable[None]:  # type: ignore[override]
        """Keep the message, or fail, when it is awaited."""
        return self._send_later(message)

    async def _send_later(self, message: CodeMessage) -> None:
        super().send(message)


class CodeVerifierContract(SendingVerifierContract):
    """What is common to the verifiers below: the right answer is read from the message that was sent."""

    channel: Channel
    kind: type[KeptCodes] = KeptCodes

    def make_verifier(self) -> Verifier:
        """A verifier over a sender that works."""
        self.sender = self.kind(self.channel)
        return CodeVerifier(self.sender)

    def make_failing(self) -> Verifier:
        """A verifier over a sender that does not."""
        return CodeVerifier(self.kind(self.channel, DeliveryError(self.channel, "unreachable")))

    def right_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """The code that was sent last."""
        return self.sender.kept[-1].code.reveal()

    def wrong_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """Another code."""
        return "".join(str(9 - int(digit)) for digit in self.sender.kept[-1].code.reveal())


class TestSmsCode(CodeVerifierContract):
    """Codes by SMS."""

    channel = "sms"


class TestSmsCodeWithinAPlan(CodeVerifierContract):
    """Codes by SMS to the mobile numbers of a region alone."""

    channel = "sms"

    def make_verifier(self) -> Verifier:
        """A verifier over a sender that works, and a plan."""
        self.sender = self.kind(self.channel)
        return CodeVerifier(self.sender, numbers=CHINA)

    def make_failing(self) -> Verifier:
        """The same over a sender that does not."""
        return CodeVerifier(self.kind(self.channel, DeliveryError(self.channel, "unreachable")), numbers=CHINA)


class TestEmailCode(CodeVerifierContract):
    """Codes by e-mail."""

    channel = "email"


class TestAsyncEmailCode(CodeVerifierContract):
    """Codes by e-mail, through a sender with an event loop."""

    channel = "email"
    kind = AsyncKeptCodes


def a_job(verifier: CodeVerifier, secret: Secret[bytes] = SECRET) -> ChallengeJob:
    """A challenge for that verifier."""
    return attrs.evolve(TestSmsCode().a_job(verifier), secret=secret)


def checked(verifier: CodeVerifier, answer: PersonAnswer) -> bool:
    """Whether the answer is right for the challenge of SECRET."""
    return verifier.check(a_job(verifier), answer, RequestInfo())


def the_code(digits: int = 6) -> str:
    """The code of SECRET."""
    return derived_code(SECRET, digits).reveal()


def test_the_channel_decides_factor_and_assurance() -> None:
    """An SMS shows the hold of a number, which can be taken over; a mail shows the reading of an address."""
    sms, email = sms_code_verifier(KeptCodes("sms")), email_code_verifier(KeptCodes("email"))
    assert [(one.factor, one.channel, one.assurance) for one in (sms, email)] == [
        ("sms_code", "sms", "restricted_possession"),
        ("email_code", "email", "address_control"),
    ]


def test_a_factor_can_have_a_name_of_its_own() -> None:
    """A portal with two senders of one channel tells them apart by name."""
    assert CodeVerifier(KeptCodes("sms"), factor="second_sms").factor == "second_sms"


def test_a_sender_of_another_channel_is_a_wiring_error() -> None:
    """Who asks for SMS codes over e-mail has mixed something up."""
    with pytest.raises(WiringError):
        sms_code_verifier(KeptCodes("email"))


@pytest.mark.parametrize("digits", [5, 0, -6, 11, True])
def test_a_code_has_six_to_ten_digits(digits: int) -> None:
    """Fewer can be guessed, and more are not typed (L30)."""
    with pytest.raises(InvalidValueError, match="number_out_of_range"):
        CodeVerifier(KeptCodes("sms"), digits=digits)


def test_a_plain_sender_blocks_and_an_async_one_does_not() -> None:
    """The verifier says of itself what its sender is."""

    class Native(KeptCodes):
        async def send(self, message: CodeMessage) -> None:  # type: ignore[override]
            """Nothing."""

    assert (CodeVerifier(KeptCodes("sms")).never_blocks, CodeVerifier(Native("sms")).never_blocks) == (False, True)


def test_the_message_says_all_that_a_sender_needs() -> None:
    """Destination, code, validity, language, portal, and an id that is the challenge's."""
    sender = KeptCodes("sms")
    verifier = sms_code_verifier(sender)
    job = a_job(verifier)
    verifier.begin(job)
    verifier.begin(job)
    sent = [
        (one.channel, one.destination.reveal(), one.code.reveal(), one.valid_for, one.locale, one.portal, one.id)
        for one in sender.kept
    ]
    assert sent == [("sms", SMS.address, the_code(), job.valid_for, "en", "Harbour", "challenge-1.1")] * 2


@pytest.mark.parametrize("contact", [None, EMAIL])
def test_a_job_without_its_contact_point_is_an_error(contact: ContactPoint | None) -> None:
    """A code goes to the contact point that the challenge is bound to, and never to another one (L3)."""
    sender = KeptCodes("sms")
    verifier = sms_code_verifier(sender)
    with pytest.raises(InvalidValueError, match="not_on_this_channel"):
        verifier.begin(attrs.evolve(a_job(verifier), contact=contact))
    assert sender.kept == []


@pytest.mark.parametrize(
    "failure", [DeliveryError("sms", "timeout"), KeyError("+8613812345678"), RuntimeError(the_code())]
)
def test_any_failure_of_the_sender_is_not_delivered(failure: Exception) -> None:
    """A sender that is broken loses no challenge, however it is broken (L8)."""
    verifier = sms_code_verifier(KeptCodes("sms", failure))
    assert verifier.begin(a_job(verifier)) == Asked(delivered=False)


def test_a_fault_of_the_senders_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """Operators learn what kind of error it was; code and number stay out of the log (L22)."""
    verifier = sms_code_verifier(KeptCodes("sms", RuntimeError(f"{SMS.address} {the_code()}")))
    with caplog.at_level(logging.DEBUG):
        verifier.begin(a_job(verifier))
    assert [(one.levelname, one.getMessage(), one.exc_info) for one in caplog.records] == [
        ("ERROR", "the sender of sms codes failed with RuntimeError", None)
    ]


def test_a_transport_that_fails_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """An ordinary failure is no fault in anybody's code."""
    verifier = sms_code_verifier(KeptCodes("sms", DeliveryError("sms", "timeout")))
    with caplog.at_level(logging.DEBUG):
        verifier.begin(a_job(verifier))
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "a code was not delivered: sms: timeout")
    ]


def widened(code: str) -> str:
    """The digits in full width, as a Chinese keyboard writes them."""
    return "".join(chr(ord(digit) + 0xFEE0) for digit in code)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(the_code(), id="as sent"),
        pytest.param(f"  {the_code()}\n", id="spaces around"),
        pytest.param(f"{the_code()[:3]} {the_code()[3:]}", id="a space within"),
        pytest.param(f"{the_code()[:3]}\u3000{the_code()[3:]}", id="an ideographic space"),
        pytest.param(widened(the_code()), id="full width"),
        pytest.param({"code": the_code()}, id="mapping"),
        pytest.param({"code": the_code(), "csrf": "x"}, id="mapping with more in it"),
    ],
)
def test_a_code_is_right_however_it_is_typed(typed: PersonAnswer) -> None:
    """White space and the width of digits are the keyboard's business."""
    assert checked(sms_code_verifier(KeptCodes("sms")), typed) is True


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        the_code()[:5],
        the_code() + "0",
        "-" + the_code()[:5],
        "12345a",
        "１２３４５ａ",
        "²²²²²²",
        "①②③④⑤⑥",
        "٠١٢٣٤٥",
        "1e5000",
        "\ud800" * 6,
        the_code() + " " * 59,
        {},
        {"token": the_code()},
    ],
)
def test_what_is_no_code_is_malformed(typed: PersonAnswer) -> None:
    """Anything but the digits is told apart from a wrong code."""
    with pytest.raises(InvalidValueError, match="answer"):
        checked(sms_code_verifier(KeptCodes("sms")), typed)


def test_an_answer_is_looked_at_up_to_its_cap() -> None:
    """Sixty-four code points are an answer; one more is not (the twin stands above)."""
    assert checked(sms_code_verifier(KeptCodes("sms")), the_code() + " " * 58) is True


def test_a_code_of_another_length_is_another_code() -> None:
    """A longer code does not begin with the shorter one."""
    assert the_code(10)[:6] != the_code(6)


def test_a_code_keeps_the_zeros_at_its_beginning() -> None:
    """A code is a text: among the codes of a thousand secrets some begin with zeros and all have six digits."""
    codes = [derived_code(Secret(number.to_bytes(32, "big")), 6).reveal() for number in range(1000)]
    assert ({len(code) for code in codes}, any(code.startswith("00") for code in codes)) == ({6}, True)


def test_the_code_of_a_secret_never_changes() -> None:
    """A release that derived other codes would refuse those on their way (L7)."""
    assert (the_code(6), the_code(10)) == ("325578", "7843342415")


def test_a_code_does_not_show_itself() -> None:
    """The code is in no ``repr`` (L7)."""
    assert the_code() not in repr(derived_code(SECRET, 6))


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13812341234", "138****1234"),
        ("138 1234 1234", "138****1234"),
        ("+8613812341234", "+86 138****1234"),
        ("+86 138-1234-1234", "+86 138****1234"),
        ("+447911123456", "+447****3456"),
        ("+12025550123", "+120****0123"),
        ("0123456789", "012****89"),
        ("123456789", "123****89"),
        ("12345678", "****78"),
        ("123456", "****56"),
        ("12345", "****"),
        ("1", "****"),
        ("", "****"),
        ("not a number", "****"),
    ],
)
def test_a_number_is_masked(number: str, shown: str) -> None:
    """Its owner recognises it; at least four digits are hidden, and of a short one all."""
    assert masked_phone(number) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("zhang.san@example.com", "z***@example.com"),
        ("ab@example.com", "a***@example.com"),
        ("a@example.com", "***@example.com"),
        ("张三@例子.中国", "张***@例子.中国"),
        ('"a@b"@example.com', '"***@example.com'),
        ("@example.com", "***"),
        ("zhang@", "***"),
        ("no address", "***"),
        ("", "***"),
    ],
)
def test_an_address_is_masked(address: str, shown: str) -> None:
    """Its owner recognises it; of a name of one letter nothing is shown."""
    assert masked_email(address) == shown


# --- what is offered, and by what it is counted -----------------------------------------------------------------


@attrs.frozen
class Offered:
    """An offer, laid open."""

    shown: str
    destination: str
    number_block: str | None = None


def offered(verifier: CodeVerifier, *contacts: ContactPoint) -> Offered | None:
    """What that verifier offers an account with these contact points."""
    offer = verifier.offer(Account(id=AccountId("account-1"), contacts=contacts))
    if offer is None:
        return None
    assert offer.destination is not None, "a verifier that sends names the destination"
    block = offer.number_block
    return Offered(offer.shown, offer.destination.reveal(), None if block is None else block.reveal())


def at(address: str) -> ContactPoint:
    """A telephone number as a portal has stored it."""
    return ContactPoint(channel="sms", address=address, version="1")


def test_an_offer_shows_the_masked_destination_and_counts_by_the_whole_one() -> None:
    """A number is counted with its block, all but the last four digits; an address by itself (L8)."""
    verifiers = (sms_code_verifier(KeptCodes("sms")), email_code_verifier(KeptCodes("email")))
    assert [offered(one, SMS, EMAIL) for one in verifiers] == [
        Offered("+86 138****5678", "+8613812345678", "+861381234"),
        Offered("m***@example.org", "mei.lin@example.org"),
    ]


def test_without_a_plan_a_number_is_sent_to_as_it_is_stored() -> None:
    """The portal's spelling is the sender's business then; only the counting overlooks it (L8)."""
    sender = KeptCodes("sms")
    verifier = sms_code_verifier(sender)
    verifier.begin(attrs.evolve(a_job(verifier), contact=at("138-1234-5678")))
    assert [one.destination.reveal() for one in sender.kept] == ["138-1234-5678"]


def test_with_a_plan_a_number_is_shown_counted_and_sent_to_in_one_form() -> None:
    """However it is stored: what is paid for is what is sent to (L8)."""
    sender = KeptCodes("sms")
    verifier, contact = sms_code_verifier(sender, numbers=CHINA), at("１３８-1234 5678")
    verifier.begin(attrs.evolve(a_job(verifier), contact=contact))
    assert (offered(verifier, contact), [one.destination.reveal() for one in sender.kept]) == (
        Offered("+86 138****5678", "+8613812345678", "+861381234"),
        ["+8613812345678"],
    )


@pytest.mark.parametrize("address", ["4008001234", "+447400123456", "call me"])
def test_a_number_outside_the_plan_is_offered_no_code(address: str) -> None:
    """The same answer as where there is no number, whatever is wrong with this one (L8, ABU-03)."""
    verifier = sms_code_verifier(KeptCodes("sms"), numbers=CHINA)
    assert [offered(verifier, at(address)), offered(verifier)] == [None, None]


def test_a_number_outside_the_plan_is_never_sent_to() -> None:
    """Also where a challenge was made before the plan was drawn more narrowly (L8, ABU-03)."""
    sender = KeptCodes("sms")
    verifier = sms_code_verifier(sender, numbers=CHINA)
    with pytest.raises(InvalidValueError, match="not_on_this_channel"):
        verifier.begin(attrs.evolve(a_job(verifier), contact=at("+447400123456")))
    assert sender.kept == []


def test_a_code_that_was_sent_is_right_whatever_the_plan_says_now() -> None:
    """The twin: the answer hangs on the secret alone (L3)."""
    verifier = sms_code_verifier(KeptCodes("sms"), numbers=CHINA)
    job = attrs.evolve(a_job(verifier), contact=at("+447400123456"))
    assert verifier.check(job, the_code(), RequestInfo()) is True


@pytest.mark.parametrize(
    "spelled", ["+8613812345678", "+86 138-1234-5678", " ＋８６ 13812345678", "+86 (138) 1234.5678", "+٨٦١٣٨١٢٣٤٥٦٧٨"]
)
def test_a_number_is_counted_alike_whatever_stands_between_its_digits(spelled: str) -> None:
    """Nobody gets more messages for the way in which the number was written down (L8)."""
    assert counted_number(spelled) == "+8613812345678"


def test_a_number_without_its_country_is_counted_apart() -> None:
    """Whose country it would be, only a plan knows: the twin, and why a portal gives one (L8)."""
    assert [counted_number(one) for one in ("138 1234 5678", "0086 138 1234 5678")] == [
        "13812345678",
        "008613812345678",
    ]


@pytest.mark.parametrize(
    "spelled", ["mei.lin@example.org", "Mei.Lin@Example.ORG", " mei.lin@example.org", "ｍｅｉ.lin＠example.org"]
)
def test_an_address_is_counted_alike_in_whatever_letters(spelled: str) -> None:
    """Capitals and width make no other mailbox that any server would tell apart (L8; RFC 5321, 2.4)."""
    assert counted_email(spelled) == "mei.lin@example.org"


def test_another_address_is_counted_apart() -> None:
    """The twin: a dot, a letter or an accent more is somebody else (L8)."""
    addresses = ["mei.lin@example.org", "meilin@example.org", "meí.lin@example.org", "mei.lin@example.com"]
    assert len({counted_email(one) for one in addresses}) == len(addresses)


class EverythingIsRight(CodeVerifier):
    """A verifier that was left open after a test."""

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Yes."""
        return True


class OneCodeForAll(CodeVerifier):
    """A verifier whose code hangs on nothing."""

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Whether it is the code of SECRET."""
        return super().check(attrs.evolve(job, secret=SECRET), answer, request)


class OfferInClear(CodeVerifier):
    """A verifier that shows where it sends."""

    def offer(self, account: Account) -> Offer | None:
        """The address, with a word in front."""
        address = account.contacts[0].address
        return Offer(shown=f"to {address}", destination=Secret(address))


class UncountedOffer(CodeVerifier):
    """A verifier that does not say where it sends."""

    def offer(self, account: Account) -> Offer | None:
        """What can be shown, alone."""
        return Offer(shown="to you") if super().offer(account) else None


class OfferToAll(CodeVerifier):
    """A verifier that offers a code where nobody would get it."""

    def offer(self, account: Account) -> Offer | None:
        """Always something."""
        return super().offer(account) or Offer(shown="***", destination=Secret("***"))


class NewCodeEachTime(CodeVerifier):
    """A verifier that sends other digits each time."""

    sent = 0

    def begin(self, job: ChallengeJob) -> Answer[Asked]:
        """Ask for the next code."""
        self.sent += 1
        return super().begin(attrs.evolve(job, secret=Secret(self.sent.to_bytes(32, "big"))))

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Whether it is the last code."""
        return super().check(attrs.evolve(job, secret=Secret(self.sent.to_bytes(32, "big"))), answer, request)


def on_a(kind: type[CodeVerifier]) -> TestSmsCode:
    """The suite over a verifier of that kind."""

    class Broken(TestSmsCode):
        def make_verifier(self) -> Verifier:
            self.sender = KeptCodes("sms")
            return kind(self.sender)

        def make_failing(self) -> Verifier:
            return kind(KeptCodes("sms", DeliveryError("sms", "unreachable")))

    return Broken()


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        (EverythingIsRight, TestSmsCode.test_a_wrong_answer_is_a_value),
        (EverythingIsRight, TestSmsCode.test_a_malformed_answer_is_an_error),
        (EverythingIsRight, TestSmsCode.test_an_answer_counts_for_its_own_challenge_alone),
        (OneCodeForAll, TestSmsCode.test_an_answer_counts_for_its_own_challenge_alone),
        (OfferInClear, TestSmsCode.test_what_is_offered_shows_no_address),
        (UncountedOffer, TestSmsCode.test_the_offer_names_the_destination),
        (OfferToAll, TestSmsCode.test_without_a_contact_point_there_is_no_offer),
        (NewCodeEachTime, TestSmsCode.test_asking_again_asks_the_same),
    ],
)
def test_the_contract_bites(kind: type[CodeVerifier], clause: Callable[[TestSmsCode], None]) -> None:
    """A verifier that breaks a clause fails the clause that it breaks."""
    with pytest.raises(AssertionError):
        clause(on_a(kind))


class CarelessPost(KeptCodes):
    """A sender that takes lists, cuts zeros, and tells the address when it fails."""

    def send(self, message: CodeMessage) -> None:
        """Send to each of a list."""
        if self._failure is not None:
            raise DeliveryError("sms", f"{message.destination.reveal()} is not there") from self._failure
        for destination in message.destination.reveal().split(","):
            code = Secret(message.code.reveal().lstrip("0"))
            self.kept.append(attrs.evolve(message, destination=Secret(destination), code=code))


class CarelessSenderSuite(CodeSenderContract):
    """The suite over the careless sender."""

    def make_sender(self) -> CodeSender:
        """A careless one."""
        self.sender = CarelessPost("sms")
        return self.sender

    def make_failing(self) -> CodeSender:
        """A careless one that fails."""
        return CarelessPost("sms", TimeoutError())

    def delivered(self) -> Sequence[Delivered]:
        """What it kept."""
        return [Delivered(one.destination.reveal(), one.code.reveal()) for one in self.sender.kept]

    def destination(self) -> str:
        """A number."""
        return SMS.address

    def no_single_destinations(self) -> Sequence[str]:
        """A list."""
        return (f"{SMS.address},13800000000",)


@pytest.mark.parametrize(
    "clause",
    [
        CarelessSenderSuite.test_only_a_single_destination_is_taken,
        CarelessSenderSuite.test_the_code_arrives_digit_for_digit,
        CarelessSenderSuite.test_the_error_names_neither_code_nor_destination,
    ],
)
def test_the_contract_of_senders_bites(clause: Callable[[CarelessSenderSuite], None]) -> None:
    """A sender that breaks a clause fails the clause that it breaks."""
    with pytest.raises(AssertionError):
        clause(CarelessSenderSuite())
