"""What rows of a host's table have in common as a data set, in whatever database they are.

:class:`Retention` says which of them a law keeps; :class:`Table` makes the statements for
:class:`~hht_closure.adapters.sqlite_rows.SqliteRows` and :class:`~hht_closure.adapters.sql_rows.SqlRows`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import attrs

from hht_closure.account import AccountId
from hht_closure.errors import InvalidValueError, PortError
from hht_closure.policy import Portion
from hht_closure.ports import Clock
from hht_closure.values import checked_text, is_name

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_LONGEST_RETENTION: Final = 100

UNREADABLE: Final = "9999-12-31"
"""The end of what has a date that cannot be read."""

Constant = str | bytes | int | None
"""What stands in a column of which the person was taken out; no fractions, which do not come back as they went in."""


@attrs.frozen(kw_only=True)
class Retention:
    """For how long a law keeps a row, counted from its own dates to the end of a month.

    It ends with the first day, in UTC, of the month after the years have passed: never earlier than the law allows,
    a month later at most, and a hundred rows have not a hundred dates. A row without any date is not kept; one with a
    date that cannot be read is kept, and the survey fails, for what is deleted does not come back.

    Attributes:
        since: the columns to count from; the first that is not NULL counts. In SQLite texts, ISO 8601 in UTC.
        years: how many calendar years, 1 to 100.
        ground: the law.
        clock: what day it is.
    """

    since: tuple[str, ...]
    years: int
    ground: str
    clock: Clock

    def __attrs_post_init__(self) -> None:
        if not self.since:
            raise InvalidValueError("since", "empty")
        for column in self.since:
            identifier(column, "since")
        if isinstance(self.years, bool) or not 1 <= self.years <= _LONGEST_RETENTION:
            raise InvalidValueError("years", "number_out_of_range")
        checked_text(self.ground, "ground", longest=300)

    def today(self) -> str:
        """The day, in UTC, to compare with."""
        return self.clock.now().astimezone(UTC).date().isoformat()


@attrs.frozen(kw_only=True)
class SetNames:
    """The data set's name and those it waits for, checked."""

    name: str = attrs.field(validator=is_name)
    after: tuple[str, ...] = attrs.field(validator=attrs.validators.deep_iterable(is_name))


def _pairs(constants: Mapping[str, Constant] | None) -> tuple[tuple[str, Constant], ...]:
    if constants is None:
        return ()
    if not constants:
        raise InvalidValueError("anonymise", "empty")
    return tuple(constants.items())


@attrs.frozen(kw_only=True)
class Table:
    """Names and conditions; nothing gets into a statement that is not an identifier.

    Attributes:
        schema: where the table is; empty for where the database looks first.
        table, account: its name, and the column with the account's id.
        kept: the law that keeps some of the rows.
        kept_to: the SQL expression for the day on which that ends, which is NULL for a row that is not kept.
        anonymise: the constants that take the person out of a row; empty where rows are deleted.
        differs: the operator that says of two values, NULL or not, that they are not the same.
    """

    schema: str = ""
    table: str
    account: str
    kept: Retention | None
    kept_to: str = ""
    anonymise: tuple[tuple[str, Constant], ...] = attrs.field(converter=_pairs)
    differs: str

    def __attrs_post_init__(self) -> None:
        identifier(self.table, "table")
        identifier(self.account, "account_column")
        if self.schema:
            identifier(self.schema, "schema")
        found_by = {self.account, *(() if self.kept is None else self.kept.since)}
        for column, constant in self.anonymise:
            identifier(column, "anonymise")
            if column in found_by:
                raise InvalidValueError("anonymise", "column_by_which_rows_are_found")
            if not isinstance(constant, str | bytes | int | None):
                raise InvalidValueError("anonymise", "not_a_constant")

    @property
    def name(self) -> str:
        """The table, as statements call it."""
        return f'"{self.schema}"."{self.table}"' if self.schema else f'"{self.table}"'

    @property
    def rows(self) -> str:
        """The middle of a question; a condition comes behind it."""
        return f"FROM {self.name} WHERE"

    @property
    def theirs(self) -> str:
        """The condition that a row is the account's."""
        return f'"{self.account}" = :account'

    @property
    def ends(self) -> str:
        """The day until which a row is kept; NULL for one that must go."""
        return "NULL" if self.kept is None else f"CASE WHEN {self.kept_to} > :today THEN {self.kept_to} END"

    @property
    def going(self) -> str:
        """The condition that a row is the account's and must go: no law keeps it, and it still bears the person.

        The columns themselves tell whether a row was anonymised. So one that gets a name again is found again.
        """
        kept = "" if self.kept is None else f" AND {self.ends} IS NULL"
        bears = " OR ".join(f'"{column}" {self.differs} :to_{n}' for n, (column, _) in enumerate(self.anonymise))
        return f"{self.theirs}{kept}" + (f" AND ({bears})" if bears else "")

    @property
    def taking(self) -> str:
        """What takes the person away, the rows or what in them is theirs; a condition comes behind it."""
        if not self.anonymise:
            return f"DELETE {self.rows}"
        columns = ", ".join(f'"{column}" = :to_{number}' for number, (column, _) in enumerate(self.anonymise))
        return f"UPDATE {self.name} SET {columns} WHERE"  # noqa: S608 - identifiers, and the names of parameters

    def about(self, account: AccountId) -> dict[str, Constant]:
        """What the conditions are filled with."""
        today = {} if self.kept is None else {"today": self.kept.today()}
        return {"account": account, **today, **{f"to_{n}": constant for n, (_, constant) in enumerate(self.anonymise)}}

    def portions(self, ends: Iterable[tuple[str | None, int]], call: str) -> tuple[Portion, ...]:
        """What a survey says: what would go, also where that is nothing; then what is kept, in order.

        Args:
            ends: days until which rows are kept, or None for those that go, with how many they are.
            call: who asks.

        Raises:
            PortError: ``date_unreadable``, where it cannot be said of a row whether it is kept.
        """
        going, kept = 0, list[Portion]()
        for day, count in ends:
            if day == UNREADABLE:
                raise PortError(call, "date_unreadable")
            if day is None or self.kept is None:
                going += count
            else:
                until = datetime.fromisoformat(day).replace(tzinfo=UTC)
                kept.append(Portion("restricted", count, until, self.kept.ground))
        return (Portion("anonymised" if self.anonymise else "erased", going), *kept)


def identifier(value: object, field: str) -> str:
    """The name of a table or column.

    Raises:
        InvalidValueError: it is none.
    """
    if not isinstance(value, str) or not _IDENTIFIER.match(value):
        raise InvalidValueError(field, "not_an_identifier")
    return value
