"""The sample portal put together: everything that a host hands to the library."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import attrs

from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.adapters.sqlite_rows import SqliteRows
from hht_closure.policy import Terms
from hht_closure.portal.conditions import NoUnfinishedOrders, NoUnpaidInvoices
from hht_closure.portal.data_sets import portal_data_sets
from hht_closure.portal.directory import PortalDirectory
from hht_closure.portal.notices import NOTICE_VERSION, NOTICES
from hht_closure.ports import Clock
from hht_closure.verification import captcha, email_code, login_again, sms_code

PORTAL_NAME: Final = "户户通"
TOMBSTONE_FOR: Final = timedelta(days=90)
"""How long a login name stays reserved; the notice says the same."""


@attrs.frozen(kw_only=True)
class PortalPieces:
    """What a host writes, for the sample portal; the data sets stand in an order in which they can go."""

    name: str
    directory: PortalDirectory
    preconditions: tuple[NoUnfinishedOrders, NoUnpaidInvoices]
    data_sets: tuple[SqliteRows, ...]
    terms: Terms


def sample_portal(database: SqliteDatabase, *, clock: Clock) -> PortalPieces:
    """The pieces, over one database."""
    preconditions = (NoUnfinishedOrders(database), NoUnpaidInvoices(database))
    data_sets = portal_data_sets(database, clock=clock)
    return PortalPieces(
        name=PORTAL_NAME,
        directory=PortalDirectory(database),
        preconditions=preconditions,
        data_sets=data_sets,
        terms=sample_terms(
            preconditions=tuple(one.name for one in preconditions), data_sets=tuple(one.name for one in data_sets)
        ),
    )


def sample_terms(*, preconditions: tuple[str, ...], data_sets: tuple[str, ...]) -> Terms:
    """Captcha, then a code to the phone, then one to the mailbox; no cooling-off; notices in Chinese and English.

    Whose number is gone logs in again in the place of the code to the phone.
    """
    return Terms(
        version="sample-1",
        requirement=captcha & (sms_code | login_again) & email_code,
        preconditions=preconditions,
        data_sets=data_sets,
        notice_version=NOTICE_VERSION,
        notices=NOTICES,
        tombstone_for=TOMBSTONE_FOR,
    )
