"""Whole closings on a server: the same events and the same receipt as anywhere, whatever the network does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hht_closure.adapters.sql import AsyncSqlStore, SqlStore
from hht_closure.events import Event
from hht_closure.flows.answers import Confirmation, WorkReport
from hht_closure.service import AsyncClosureService, ClosureService
from tests.adapters.test_sql_database import Relay
from tests.postgres import new_database, postgres_url, terminated
from tests.service.doubles import built
from tests.service.test_faces import closed
from tests.stage import Stage

__all__ = ["postgres_url"]

Outcome = tuple[tuple[Confirmation, WorkReport, str], list[Event]]


def in_memory(path: Path) -> Outcome:
    """A whole closing in memory, to be compared with."""
    stage = Stage("memory", path)
    return asyncio.run(closed(stage.service, stage)), stage.happened.events


@contextmanager
def on_a_server(url: str, path: Path) -> Iterator[tuple[Stage, SqlStore]]:
    """A portal on that database, by the server's clock; all else as in memory."""
    stage = Stage("memory", path)
    with SqlStore(url) as store:
        stage.service = built(ClosureService, stage, store=store)
        yield stage, store


def test_each_face_comes_to_the_same_events_and_the_same_receipt_as_in_memory(tmp_path: Path) -> None:
    """The store makes no difference, byte for byte of the receipt (L28)."""

    async def awaited(url: str, stage: Stage) -> tuple[Confirmation, WorkReport, str]:
        async with AsyncSqlStore(url, clock=stage.clock) as store:
            return await closed(built(AsyncClosureService, stage, store=store), stage)

    async def in_threads(url: str, stage: Stage) -> tuple[Confirmation, WorkReport, str]:
        with SqlStore(url, clock=stage.clock) as store:
            return await closed(built(AsyncClosureService, stage, store=store), stage)

    async def plain(url: str, stage: Stage) -> tuple[Confirmation, WorkReport, str]:
        with SqlStore(url, clock=stage.clock) as store:
            return await closed(built(ClosureService, stage, store=store), stage)

    outcomes: list[Outcome] = []
    for number, scenario in enumerate((awaited, in_threads, plain)):
        stage = Stage("memory", tmp_path / str(number))
        with new_database() as url:
            outcomes.append((asyncio.run(scenario(url, stage)), stage.happened.events))
    assert outcomes == [in_memory(tmp_path)] * 3


def test_a_closing_survives_the_loss_of_all_connections_before_every_call(postgres_url: str, tmp_path: Path) -> None:
    """As if the server were restarted between any two calls: closed once, with the same receipt (CRSH-07)."""
    with on_a_server(postgres_url, tmp_path) as (stage, store):
        stage.watch.over(store.journal, "journal", "read", "append", "claim", "renew", "release")
        stage.watch.over(store.vault, "vault", "create", "fetch", "destroy")
        stage.watch.over(store.ledger, "ledger", "record", "find")
        stage.watch.over(store.budgets, "budgets", "take")
        stage.watch.before = lambda *_: terminated(postgres_url)
        outcome = asyncio.run(closed(stage.service, stage)), stage.happened.events
    assert outcome == in_memory(tmp_path)


def test_a_closing_survives_the_loss_of_the_answer_to_every_append(postgres_url: str, tmp_path: Path) -> None:
    """Each append is committed and its answer lost: it is read back, and nobody is told of a conflict (RACE-13)."""
    with Relay(postgres_url) as relay, on_a_server(relay.url, tmp_path) as (stage, store):
        stage.watch.over(store.journal, "journal", "append")
        stage.watch.before = lambda *_: relay.loses_the_next_commit()
        outcome = asyncio.run(closed(stage.service, stage)), stage.happened.events
    assert outcome == in_memory(tmp_path)
    assert relay.lost == len(stage.watch.calls) > 10
