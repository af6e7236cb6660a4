"""From files to a server with closings under way: each goes on where it was, and ends as if it had stayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import pytest

from hht_closure.adapters.sql import copy_store
from hht_closure.policy import Blocked, Blocker, Clean
from tests.postgres import postgres_url
from tests.stage import LI, RETENTION_ENDS, TERMS, Killed, Stage

__all__ = ["postgres_url"]

HOUR = timedelta(hours=1)


def lapsed(stage: Stage) -> None:
    """A round that nobody confirmed."""
    stage.noticed()
    stage.clock.advance(TERMS.round_valid_for)
    stage.service.work()


def given_back(stage: Stage) -> None:
    """Confirmed, and something stood in the way for a while."""
    stage.confirmed()
    stage.orders_check.finding = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))
    stage.service.work()
    stage.orders_check.finding = Clean()


def cooling_off(stage: Stage) -> None:
    """Confirmed, and an hour is left to think it over."""
    stage.policy.terms = attrs.evolve(TERMS, cooling_off=HOUR)
    stage.confirmed()


def killed_at(call: str, stage: Stage) -> None:
    """Confirmed, and the worker died behind that call, with its lease in its hand."""
    stage.confirmed()

    def die(_: int, name: str) -> None:
        if name == call:
            raise Killed

    stage.watched().after = die
    with pytest.raises(Killed):
        stage.service.work()
    stage.watch.after = lambda *_: None


STAGES: Final[Mapping[str, Callable[[Stage], object]]] = {
    "opened": Stage.opened,
    "eligible": Stage.eligible,
    "reason given": Stage.reason_given,
    "a code sent": lambda stage: (stage.reason_given(), stage.proved("captcha"), stage.challenged("sms_code")),
    "verified": Stage.verified,
    "noticed": Stage.noticed,
    "confirmed": Stage.confirmed,
    "cooling off": cooling_off,
    "given back": given_back,
    "withdrawn": lambda stage: (stage.noticed(), stage.service.withdraw(stage.principal)),
    "lapsed": lapsed,
    "checked again": partial(killed_at, "no_money_owed.check"),
    "begun": partial(killed_at, "ledger.record"),
    "half erased": partial(killed_at, "orders.erase"),
    "erased": partial(killed_at, "messages.remaining"),
    "reserved": partial(killed_at, "tombstones.lay"),
    "retired": partial(killed_at, "accounts.retire"),
    "the key destroyed": partial(killed_at, "vault.destroy"),
    "closed": Stage.closed,
}


def moved(stage: Stage, url: str) -> Stage:
    """The same portal, whose store is on the server now."""
    stage.close()
    copy_store(stage.path, url)
    stage.kind, stage.url = "postgres", url
    stage.restarted()
    return stage


def brought_to_its_end(stage: Stage) -> tuple[object, ...]:
    """On from where it is, as the person goes on, and then the workers; and all that is kept of it in the end."""
    for _ in range(8):
        if stage.accounts.get(LI.id) is not None:
            gone_on(stage)
    stage.worked_off()
    ledger = [entry for _, entry in stage.store.ledger.entries()]
    receipt = stage.service.receipt(stage.keyring.reference(stage.portal, stage.stream(), ledger[-1].round))
    left = stage.accounts.get(LI.id), stage.orders.items(LI.id), stage.messages.items(LI.id)
    return stage.records(), ledger, receipt.token, stage.sent(), left


def gone_on(stage: Stage) -> None:
    """One step more."""
    match stage.service.current(stage.principal).step:
        case "none" | "withdrawn" | "lapsed":
            stage.opened(stage.logged_in())
        case "eligibility":
            stage.eligible()
        case "reason":
            stage.reason_given()
        case "verification":
            stage.clock.advance(TERMS.codes.resend_after)
            view = stage.service.current(stage.principal)
            stage.proved(next(one.name for one in view.factors if one.reached and not one.proved))
        case "confirmation":
            stage.service.confirm(stage.principal, stage.service.notice(stage.principal, "en").nonce)
        case _:
            stage.worked_off()


@pytest.mark.parametrize("where", STAGES)
def test_a_closing_goes_on_where_it_was(where: str, postgres_url: str, tmp_path: Path) -> None:
    """Whatever the stage: it ends closed, byte for byte as one that was never moved (L16, L24, L28)."""
    stage, stayed = Stage("sqlite", tmp_path / "moved"), Stage("sqlite", tmp_path / "stayed")
    STAGES[where](stage)
    STAGES[where](stayed)
    with closing(stayed), closing(moved(stage, postgres_url)):
        end = brought_to_its_end(stage)
        assert end == brought_to_its_end(stayed)
        assert end[-1] == (None, ("an invoice of li",), ())


def test_what_the_law_keeps_is_purged_on_the_server_when_its_time_ends(postgres_url: str, tmp_path: Path) -> None:
    """Closed on files, moved, and years later the rest is erased, with the account's id from the ledger (L20)."""
    stage = Stage("sqlite", tmp_path)
    stage.closed()
    with closing(moved(stage, postgres_url)):
        stage.clock.set(RETENTION_ENDS)
        stage.worked_off()
        assert (stage.orders.items(LI.id), stage.kinds()[-1]) == ((), "RetentionPurged")
