"""A sample portal of any size, made from a seed: the same seed, the same people, messages, orders and invoices.

For each language there is one person to be closed, who has exactly one unfinished order and one unpaid invoice
beside what is finished and paid, some of it so long ago that no law keeps it any more. Everybody else stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Final

import attrs

from hht_closure.account import AccountId
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import InvalidValueError
from hht_closure.portal.passwords import PasswordHasher
from hht_closure.portal.sample_words import (
    FIRST_COMMON_NUMBER,
    PRODUCTS,
    Language,
    character,
    city,
    mail_address,
    phone_number,
    sentence,
    signature,
)
from hht_closure.portal.schema import create_file
from hht_closure.portal.times import written
from hht_closure.values import Secret, instant

PERSONS: Final[tuple[Language, ...]] = ("zh-CN", "en")
"""The languages in which there is a person to be closed; these are the first users."""

_ROWS_PER_TRANSACTION: Final = 50_000
_MOST_CONTACTS: Final = 12
_HISTORY: Final = timedelta(days=5 * 365)
_MONTH: Final = timedelta(days=30)
_FINISHED_ORDERS: Final = (2, 11, 26, 44, 57)
_PAID_INVOICES: Final = (1, 4, 9, 15, 21, 30, 42, 55)
"""How many months ago; what is older than 37 of them, no law keeps."""

_Values = tuple[str | int | None, ...]


@attrs.frozen(kw_only=True)
class SamplePerson:
    """Somebody to be closed in a demonstration, with the password in clear."""

    account: AccountId = attrs.field(repr=False)
    locale: Language
    login_name: str = attrs.field(repr=False)
    password: Secret[str]


@attrs.frozen(kw_only=True)
class Sample:
    """A portal just created: its open database, and who is to be closed."""

    database: SqliteDatabase
    persons: tuple[SamplePerson, ...]
    others: tuple[AccountId, ...] = attrs.field(repr=False)

    def person(self, locale: Language) -> SamplePerson:
        """The person to be closed who speaks that language."""
        return next(one for one in self.persons if one.locale == locale)


def create_portal(
    path: Path,
    *,
    seed: int,
    now: datetime,
    hasher: PasswordHasher,
    users: int = 40,
    messages: int = 2_000,
    messages_each: int = 150,
) -> Sample:
    """Create the file and fill it, in bounded memory whatever its size.

    Args:
        path: where; there must be no such file.
        seed: what everything follows from, but for the salts of passwords.
        now: the day on which the sample stands.
        hasher: how passwords are kept; it is asked once for each person and once for all the others together.
        users: how many there are, the persons to be closed among them; at least three.
        messages: how many there are in all.
        messages_each: how many of them belong to each person to be closed, spread evenly.

    Raises:
        FileExistsError: there is such a file.
        InvalidValueError: too few users or messages, or a naive time.
        StoreUnavailableError: the file cannot be written.
    """
    if users <= len(PERSONS):
        raise InvalidValueError("users", "number_out_of_range")
    if not 0 < messages_each * len(PERSONS) <= messages:
        raise InvalidValueError("messages_each", "number_out_of_range")
    maker = _Maker(seed=seed, now=instant(now, "now"), users=users)
    database = create_file(path)
    persons = tuple(maker.person(number) for number in range(len(PERSONS)))
    hashes = [hasher.hash(person.password) for person in persons]
    nobodys = hasher.hash(Secret(_password(Random(f"{seed}:nobody"))))  # noqa: S311 - nobody logs in with it
    _fill(database, _USERS, maker.users_rows(chain(hashes, (nobodys for _ in range(users - len(hashes))))))
    _fill(database, _PROFILES, maker.profiles())
    _fill(database, _SESSIONS, maker.sessions())
    _fill(database, _CONTACTS, maker.contacts())
    _fill(database, _ORDERS, maker.orders())
    _fill(database, _INVOICES, maker.invoices())
    _fill(database, _MESSAGES, maker.messages(messages, messages_each))
    database.forget()
    return Sample(database=database, persons=persons, others=tuple(map(_account, range(len(PERSONS), users))))


_USERS: Final = (
    "INSERT INTO users (id, login_name, password_hash, phone, email, locale, standing) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_PROFILES: Final = "INSERT INTO profiles (user_id, nickname, signature, birthday, city) VALUES (?, ?, ?, ?, ?)"
_SESSIONS: Final = "INSERT INTO sessions (token_digest, user_id, logged_in_at, expires_at) VALUES (?, ?, ?, ?)"
_CONTACTS: Final = "INSERT INTO contacts (id, user_id, name, phone) VALUES (?, ?, ?, ?)"
_ORDERS: Final = (
    "INSERT INTO orders (user_id, product, amount_fen, status, placed_at, completed_at) VALUES (?, ?, ?, ?, ?, ?)"
)
_INVOICES: Final = (
    "INSERT INTO invoices (user_id, amount_fen, status, issued_at, due_at, paid_at) VALUES (?, ?, ?, ?, ?, ?)"
)
_MESSAGES: Final = "INSERT INTO messages (user_id, contact_id, direction, body, sent_at) VALUES (?, ?, ?, ?, ?)"


def _fill(database: SqliteDatabase, statement: str, rows: Iterator[_Values]) -> None:
    while chunk := list(islice(rows, _ROWS_PER_TRANSACTION)):
        with database.transaction() as connection:
            connection.executemany(statement, chunk)


def _account(number: int) -> AccountId:
    return AccountId(f"u{number + 1:07d}")


def _language(number: int) -> Language:
    """The persons first; of the others every third speaks English."""
    return PERSONS[number] if number < len(PERSONS) else "en" if number % 3 == 0 else "zh-CN"


def _password(rng: Random) -> str:
    return "-".join("".join(rng.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(5)) for _ in range(4))


@attrs.frozen(kw_only=True)
class _Maker:
    """The rows of each table, from a random source of its own, so that more messages do not mean other people."""

    seed: int
    now: datetime
    users: int

    def person(self, number: int) -> SamplePerson:
        """Who is to be closed, with a password that follows from the seed."""
        return SamplePerson(
            account=_account(number),
            locale=PERSONS[number],
            login_name=self._login_name(number),
            password=Secret(_password(self._rng("password", number))),
        )

    def users_rows(self, hashes: Iterable[str]) -> Iterator[_Values]:
        """Everybody: the last one suspended, the rest open."""
        for number, password_hash in enumerate(hashes):
            language, login_name = _language(number), self._login_name(number)
            standing = "suspended" if number == self.users - 1 else "open"
            email = mail_address(self._rng("mail", number), login_name)
            phone = phone_number(number + 1, language)
            yield (_account(number), login_name, password_hash, phone, email, language, standing)

    def profiles(self) -> Iterator[_Values]:
        """One for each user."""
        for number in range(self.users):
            rng, language = self._rng("profile", number), _language(number)
            birthday = f"{rng.randrange(1955, 2006)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
            name = character(self._rng("name", number), language).name
            yield (_account(number), name, signature(rng, language), birthday, city(rng, language))

    def sessions(self) -> Iterator[_Values]:
        """One for each user, an hour old; nobody has its token."""
        for number in range(self.users):
            digest = self._rng("session", number).randbytes(32).hex()
            begun = self.now - timedelta(hours=1)
            yield (digest, _account(number), written(begun), written(begun + timedelta(hours=12)))

    def contacts(self) -> Iterator[_Values]:
        """Twelve for each user, numbered from twelve times the user's number on."""
        for number in range(self.users):
            rng, language = self._rng("contacts", number), _language(number)
            for entry in _contacts_of(number):
                phone = phone_number(FIRST_COMMON_NUMBER + rng.randrange(900), language)
                yield (entry, _account(number), character(rng, language).name, phone)

    def orders(self) -> Iterator[_Values]:
        """For each user finished ones, a cancelled one, and for the persons one that is on its way."""
        for number in range(self.users):
            rng, account, products = self._rng("orders", number), _account(number), PRODUCTS[_language(number)]
            for months in _FINISHED_ORDERS:
                placed = self._ago(rng, months)
                completed = written(placed + timedelta(days=rng.randrange(1, 9)))
                yield (account, rng.choice(products), self._fen(rng), "finished", written(placed), completed)
            placed = self._ago(rng, 6)
            completed = written(placed + timedelta(hours=3))
            yield (account, rng.choice(products), self._fen(rng), "cancelled", written(placed), completed)
            if number < len(PERSONS):
                placed = self.now - timedelta(days=2, hours=5)
                yield (account, rng.choice(products), self._fen(rng), "shipped", written(placed), None)

    def invoices(self) -> Iterator[_Values]:
        """For each user paid ones, and for the persons one that is open."""
        for number in range(self.users):
            rng, account = self._rng("invoices", number), _account(number)
            for months in _PAID_INVOICES:
                issued = self._ago(rng, months)
                due, paid = issued + timedelta(days=14), issued + timedelta(days=rng.randrange(1, 14))
                yield (account, self._fen(rng), "paid", written(issued), written(due), written(paid))
            if number < len(PERSONS):
                issued = self.now - timedelta(days=6)
                yield (account, self._fen(rng), "open", written(issued), written(issued + timedelta(days=14)), None)

    def messages(self, count: int, each: int) -> Iterator[_Values]:
        """Spread over five years, oldest first; exactly so many for each person, among those of all the others."""
        rng = self._rng("messages", 0)
        left = [each for _ in PERSONS]
        for number in range(count):
            owner = self._owner(rng, left, count - number)
            contact = _contacts_of(owner)[int(rng.random() * _MOST_CONTACTS)]
            direction = "in" if rng.random() < 0.5 else "out"
            sent_at = self.now - _HISTORY * ((count - number) / count)
            yield (_account(owner), contact, direction, sentence(rng, _language(owner)), written(sent_at))

    def _owner(self, rng: Random, left: list[int], to_come: int) -> int:
        """Whose message the next is; selection sampling (Knuth, TAOCP 3.4.2, S) gives each person the exact number."""
        drawn = rng.random() * to_come
        for person, theirs in enumerate(left):
            if drawn < theirs:
                left[person] -= 1
                return person
            drawn -= theirs
        return len(PERSONS) + int(rng.random() * (self.users - len(PERSONS)))

    def _login_name(self, number: int) -> str:
        return f"{character(self._rng('name', number), _language(number)).stem}{number + 1:04d}"

    def _ago(self, rng: Random, months: int) -> datetime:
        return self.now - _MONTH * months - timedelta(days=rng.randrange(10), seconds=rng.randrange(86_400))

    def _fen(self, rng: Random) -> int:
        return rng.randrange(990, 29_900, 10)

    def _rng(self, table: str, number: int) -> Random:
        return Random(f"{self.seed}:{table}:{number}")  # noqa: S311 - a sample that comes again is what is wanted


def _contacts_of(number: int) -> range:
    """The numbers of a user's contacts."""
    return range(number * _MOST_CONTACTS + 1, (number + 1) * _MOST_CONTACTS + 1)
