"""Servers and databases for the runs of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.endurance.cluster import Cluster, NoPostgresError, own_cluster
from tests.postgres import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture(autouse=True)
def _unmeasured(unmeasured: None) -> None:
    """Every test here."""


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """Where the store stands: in files (None), and on a server, in turn."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of the test's own; without PostgreSQL's programs it is skipped, and fails where CI runs."""
    try:
        with own_cluster() as cluster:
            yield cluster
    except NoPostgresError as error:
        if os.environ.get("HHT_CLOSURE_CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
