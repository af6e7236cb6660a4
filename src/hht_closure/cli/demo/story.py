"""The dialogue: from the log-in to the final confirmation, one step after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, Literal

import attrs

from hht_closure.account import Principal
from hht_closure.cli.demo.outside import Outlook
from hht_closure.cli.demo.proving import captcha_solved, email_code_entered, sms_code_entered
from hht_closure.cli.demo.stage import USERS, Stage
from hht_closure.cli.demo.steps import Fact, Line, Step, StoryError, Table, Words
from hht_closure.errors import ClosureRefused
from hht_closure.flows.answers import Confirmation, Explanation
from hht_closure.policy import Blocker, Portion
from hht_closure.texts import blocker_sentence, deadline, sentence, text

REASON: Final = "privacy_concerns"

_SHOWN_OF_THE_NOTICE: Final = 6


@attrs.frozen(kw_only=True)
class Told:
    """What the dialogue came to: the confirmation, and what the person was told would be kept."""

    confirmation: Confirmation
    kept: Mapping[str, int]


class Story:
    """One person on the way from the first look to the confirmation; :attr:`told` is set when it has ended.

    Args:
        stage: where it happens; the person logs in at once.
        before: what the portal holds of the person.

    Raises:
        StoryError: the person cannot log in.
    """

    def __init__(self, stage: Stage, before: Outlook) -> None:
        self._stage = stage
        self._words = stage.words
        self._locale = stage.words.locale
        self._before = before
        self._token = stage.log_in()
        self._told: Told | None = None

    @property
    def told(self) -> Told:
        """What it came to.

        Raises:
            StoryError: it has not ended.
        """
        if self._told is None:
            raise StoryError("confirmation", "the closing was not confirmed")
        return self._told

    def steps(self) -> Iterator[Step]:
        """Each step, when it has been taken.

        Raises:
            StoryError: something that must happen did not.
            ClosureRefused: the library refused something that it should have allowed.
        """
        yield self._portal()
        principal = self._stage.principal(self._token)
        yield self._login(principal)
        yield self._explanation(principal)
        yield self._blocked(principal)
        yield self._settled(principal)
        yield self._statements(principal)
        yield self._reason(principal)
        yield captcha_solved(self._stage, principal)
        yield sms_code_entered(self._stage, principal)
        yield email_code_entered(self._stage, principal)
        yield from self._confirmed(principal)

    def _portal(self) -> Step:
        stage, words = self._stage, self._words
        rows = tuple((words.data_set(name), f"{count:,}") for name, count in self._before.theirs.items())
        return Step(
            code="portal",
            title=words("portal.title"),
            parts=(
                words.say("portal.made", portal=words("portal.name"), users=USERS, file="portal.db"),
                words.say("portal.servers", mail=f"127.0.0.1:{stage.mail.port}", sms=f"127.0.0.1:{stage.sms.port}"),
                words.say(
                    "portal.person",
                    login_name=stage.person.login_name,
                    phone=stage.address("sms"),
                    email=stage.address("email"),
                ),
                Table((words("column.data_set"), words("column.items")), rows, frozenset({1})),
            ),
            facts={"users": USERS, "items": dict(self._before.theirs), "locale": self._locale},
        )

    def _login(self, principal: Principal) -> Step:
        words = self._words
        return Step(
            code="login",
            title=words("login.title"),
            call="principal = login.principal(login.log_in(name, password))",
            parts=(words.yes("login.done"), words.say("login.principal")),
            facts={"means": principal.means},
        )

    def _explanation(self, principal: Principal) -> Step:
        words = self._words
        explained = self._stage.service.explain(principal, self._locale)
        rows = [row for name, portions in explained.fates for row in fate_rows(words, name, portions)]
        grounds = dict.fromkeys(one.ground for _, portions in explained.fates for one in portions if one.ground)
        heads = tuple(words(f"column.{one}") for one in ("data_set", "disposition", "items", "until"))
        return Step(
            code="explanation",
            title=words("explanation.title"),
            call="service.explain(principal, locale)",
            parts=(
                words.say("explanation.before"),
                Table(heads, tuple(rows), frozenset({2})),
                words.say("explanation.ground", ground="; ".join(words.ground(one) for one in grounds)),
            ),
            facts={
                "fates": {
                    name: {one.disposition: _count(explained, name, one.disposition) for one in portions}
                    for name, portions in explained.fates
                }
            },
        )

    def _blocked(self, principal: Principal) -> Step:
        service, words = self._stage.service, self._words
        view = service.open(principal)
        codes: tuple[str, ...] = ()
        try:
            service.give_reason(principal, REASON)
        except ClosureRefused as refused:
            codes = refused.codes
        if codes.count("blocked") != 2:
            raise StoryError("blocked", "an unfinished order and an unpaid invoice were not both in the way")
        return Step(
            code="blocked",
            title=words("blocked.title"),
            call="service.open(principal)",
            parts=(
                words.say("blocked.one_answer"),
                *(line for one in view.blockers for line in self._blocker(one)),
                words.say("blocked.refused"),
            ),
            facts={
                "blockers": [{"code": one.code, "remedy": one.remedy, **_plain(one)} for one in view.blockers],
                "refused": list(codes),
            },
        )

    def _blocker(self, blocker: Blocker) -> Iterator[Line]:
        yield Line("no", blocker_sentence(blocker, self._locale))
        yield Line(
            "quote", self._words("blocked.remedy", remedy=blocker.remedy, ground=self._words.ground(blocker.ground))
        )

    def _settled(self, principal: Principal) -> Step:
        stage, words = self._stage, self._words
        orders = stage.customer.settle_orders(stage.person.account)
        invoices = stage.customer.pay_invoices(stage.person.account)
        view = stage.service.recheck(principal)
        if view.blockers:
            raise StoryError("settled", "something is still in the way")
        return Step(
            code="settled",
            title=words("settled.title"),
            call="service.recheck(principal)",
            parts=(
                words.yes("settled.orders", number=orders),
                words.yes("settled.invoices", number=invoices),
                words.yes("settled.clean"),
            ),
            facts={"orders": orders, "invoices": invoices},
        )

    def _statements(self, principal: Principal) -> Step:
        """The first is done, the second is not needed: both are answers."""
        service, words, locale = self._stage.service, self._words, self._locale
        lines: list[Line] = []
        given: dict[str, Fact] = {}
        for number, one in enumerate(service.current(principal).statements):
            answer: Literal["done", "waived"] = "waived" if number else "done"
            service.attest(principal, one.code, answer, wording=one.wording, locale=locale)
            lines.append(Line("yes", text(f"statement.{one.code}", locale)))
            lines.append(Line("quote", text(f"answer.{answer}", locale)))
            given[one.code] = answer
        return Step(
            code="statements",
            title=words("statements.title"),
            call='service.attest(principal, statement, "done" | "waived", ...)',
            parts=(*lines, words.say("statements.either")),
            facts={"answers": given},
        )

    def _reason(self, principal: Principal) -> Step:
        words, note = self._words, self._words("reason.note")
        self._stage.service.give_reason(principal, REASON, note=note)
        return Step(
            code="reason",
            title=words("reason.title"),
            call="service.give_reason(principal, reason, note=...)",
            parts=(
                Line("yes", text(f"reason.{REASON}", self._locale)),
                Line("quote", note),
                words.say("reason.sealed"),
            ),
            facts={"reason": REASON},
        )

    def _confirmed(self, principal: Principal) -> Iterator[Step]:
        service, words = self._stage.service, self._words
        explained = service.explain(principal, self._locale)
        notice = service.notice(principal, self._locale)
        lines = [line for line in notice.text.splitlines() if line.strip()]
        yield Step(
            code="notice",
            title=words("notice.title"),
            call="service.notice(principal, locale)",
            parts=(
                words.say("notice.begins", version=notice.version),
                *(Line("quote", line) for line in (*lines[:_SHOWN_OF_THE_NOTICE], "...")),
                words.say("notice.bound", digest=notice.digest),
            ),
            facts={"version": notice.version, "digest": notice.digest, "locale": notice.locale},
        )
        confirmation = service.confirm(principal, notice.nonce)
        self._told = Told(
            confirmation=confirmation,
            kept={name: _count(explained, name, "restricted") for name, _ in explained.fates},
        )
        yield self._confirmation(principal, notice.nonce, confirmation)

    def _confirmation(self, principal: Principal, nonce: str, confirmation: Confirmation) -> Step:
        words = self._words
        if self._stage.service.confirm(principal, nonce) != confirmation:
            raise StoryError("confirmation", "the same confirmation got another answer")
        refused = self._order()
        if self._stage.login.principal(self._token) is not None:
            raise StoryError("confirmation", "the session went on")
        return Step(
            code="confirmation",
            title=words("confirmation.title"),
            call="service.confirm(principal, notice.nonce)",
            parts=(
                words.yes("confirmation.confirmed", at=confirmation.at),
                Line("copy", confirmation.reference),
                words.say("confirmation.reference"),
                words.yes("confirmation.twice"),
                words.yes("confirmation.sessions"),
                words.yes("confirmation.frozen"),
                *(Line("no", sentence(one, self._locale)) for one in refused.refusals),
            ),
            facts={"reference": confirmation.reference, "an_order_now": list(refused.codes)},
        )

    def _order(self) -> ClosureRefused:
        """What an order meets now; nothing slips in between the confirmation and the erasure (L13)."""
        try:
            self._stage.customer.place_order(self._stage.person.account, product="SIM", amount_fen=990)
        except ClosureRefused as refused:
            return refused
        raise StoryError("confirmation", "a confirmed account could still order")


def fate_rows(words: Words, name: str, portions: Iterable[Portion]) -> Iterator[tuple[str, ...]]:
    """A row for each disposition of a data set: how many items, and for kept ones until when at the latest."""
    found = [one for one in portions if one.count]
    for disposition in dict.fromkeys(one.disposition for one in found):
        theirs = [one for one in found if one.disposition == disposition]
        ends = [one.until for one in theirs if one.until is not None]
        until = deadline(max(ends), words.locale) if ends else ""
        yield words.data_set(name), words(f"fate.{disposition}"), f"{sum(one.count for one in theirs):,}", until


def _count(explained: Explanation, name: str, disposition: str) -> int:
    return sum(one.count for one in dict(explained.fates)[name] if one.disposition == disposition)


def _plain(blocker: Blocker) -> dict[str, Fact]:
    return {name: value for name, value in blocker.parameters.items() if not isinstance(value, datetime)}
