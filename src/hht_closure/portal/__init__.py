"""The sample portal: a small telecom service, 户户通, as a host of the library.

A SQLite database with users, messages, orders and invoices (:mod:`~hht_closure.portal.schema`), filled from a seed
(:mod:`~hht_closure.portal.sample`), with its log-in (:mod:`~hht_closure.portal.login`), how one joins it and gets a new
password (:mod:`~hht_closure.portal.joining`, :mod:`~hht_closure.portal.resets`), its customers' business
(:mod:`~hht_closure.portal.customer`) and what other services bring it (:mod:`~hht_closure.portal.inbox`); and what a
host writes for the library, put together in :mod:`~hht_closure.portal.pieces`.
"""

from __future__ import annotations

from hht_closure.portal.customer import PortalCustomer
from hht_closure.portal.directory import PortalDirectory, assert_open
from hht_closure.portal.inbox import PortalInbox
from hht_closure.portal.joining import PortalJoining
from hht_closure.portal.login import PortalLogin
from hht_closure.portal.passwords import Argon2idHasher, PasswordHasher, UnsafeCheapHasher
from hht_closure.portal.pieces import PORTAL_NAME, PortalPieces, sample_portal, sample_terms
from hht_closure.portal.resets import PortalResets, ResetMail
from hht_closure.portal.sample import Sample, SamplePerson, create_portal
from hht_closure.portal.schema import open_portal

__all__ = [
    "PORTAL_NAME",
    "Argon2idHasher",
    "PasswordHasher",
    "PortalCustomer",
    "PortalDirectory",
    "PortalInbox",
    "PortalJoining",
    "PortalLogin",
    "PortalPieces",
    "PortalResets",
    "ResetMail",
    "Sample",
    "SamplePerson",
    "UnsafeCheapHasher",
    "assert_open",
    "create_portal",
    "open_portal",
    "sample_portal",
    "sample_terms",
]
