"""The proof from outside: what the files, the receipt and the portal say now, compared with what was before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import attrs

from hht_closure.adapters.sqlite.stored_streams import stored_streams
from hht_closure.cli.demo.outside import NAMES, TABLES, Found, Outlook, look, search
from hht_closure.cli.demo.stage import Stage
from hht_closure.cli.demo.steps import Proof, Table
from hht_closure.cli.verify_journal import Holds, check_journal
from hht_closure.errors import ClosureError, ClosureRefused, ReceiptInvalidError
from hht_closure.receipts import ReceiptClaims, verify_receipt

RECEIPT: Final = "receipt.jws"
KEYS: Final = "keys.jwks.json"
PEM: Final = "receipt-key.pem"


@attrs.frozen(kw_only=True)
class Before:
    """What was known before the erasure: the rows, the texts to look for, and where they were found."""

    outlook: Outlook
    texts: tuple[str, ...] = attrs.field(repr=False)
    found: Found


class Proofs:
    """Checks the result, with nothing of the service's but its reading calls.

    Args:
        stage: what is checked.
        before: what was known before.
        kept: how many items of each data set the person was told would be kept.
        reference: what the person was given.
        sealed: what the person wrote and nobody may find, beside what is in ``before``.
    """

    def __init__(
        self, stage: Stage, before: Before, *, kept: Mapping[str, int], reference: str, sealed: Collection[str]
    ) -> None:
        self._stage = stage
        self._words = stage.words
        self.before = before
        self.kept = kept
        self.reference = reference
        self._sealed = sealed

    @cached_property
    def _after(self) -> Outlook:
        return look(self._stage.portal_file, self._stage.person.account)

    def counts(self) -> Table:
        """Before and after, for each data set."""
        heads = tuple(self._words(f"column.{one}") for one in ("data_set", "before", "after", "kept"))
        rows = (
            (
                self._words.data_set(name),
                *(f"{one.get(name, 0):,}" for one in (self.before.outlook.theirs, self._after.theirs, self.kept)),
            )
            for name in TABLES
        )
        return Table(heads, tuple(rows), frozenset({1, 2, 3}))

    def all(self) -> Iterator[Proof]:
        """Every check, whatever came of the one before; what cannot be checked does not hold."""
        checks: Mapping[str, Callable[[], Proof]] = {
            "rows": self._rows,
            "others": self._others,
            "traces": self._traces,
            "journal": self._journal,
            "receipt": self._receipt,
            "head": self._head,
            "login": self._login,
            "reserved": self._reserved,
            "status": self._status,
            "farewell": self._farewell,
        }
        for name, check in checks.items():
            try:
                yield check()
            except (ClosureError, ClosureRefused, OSError) as error:
                told = self._words("proof.unchecked", proof=name, problem=type(error).__name__)
                yield Proof(name=name, holds=False, text=told, facts={"problem": type(error).__name__})

    def _proof(self, name: str, *, holds: bool, **parameters: str | int) -> Proof:
        return Proof(name=name, holds=holds, text=self._words(f"proof.{name}", **parameters), facts=parameters)

    def _rows(self) -> Proof:
        """What is left is what the person was told, and the rest is gone."""
        left = sum(self._after.theirs.values())
        return self._proof(
            "rows",
            holds=all(self._after.theirs[name] == self.kept[name] for name in TABLES) and self._has_lost_something,
            gone=sum(self.before.outlook.theirs.values()) - left,
            left=left,
        )

    @property
    def _has_lost_something(self) -> bool:
        return all(self.before.outlook.theirs[name] > self._after.theirs[name] for name in TABLES)

    def _others(self) -> Proof:
        """Not a row of anybody else has changed."""
        before, after = self.before.outlook, self._after
        return self._proof(
            "others",
            holds=(before.others, before.others_rows, before.others_digest)
            == (after.others, after.others_rows, after.others_digest),
            users=after.others,
            rows=after.others_rows,
        )

    def _traces(self) -> Proof:
        """The same search found everything before: it can find, and now there is nothing."""
        found = search(self._stage.folder, (*self.before.texts, *self._sealed))
        found_before = len(self.before.found.texts) == len(set(self.before.texts))
        return self._proof(
            "traces",
            holds=found_before and not found.texts,
            messages=len(self.before.texts) - NAMES,
            texts=len(self.before.texts) + len(self._sealed),
            files=found.files,
            kilobytes=found.size // 1024,
            found=len(found.texts),
        )

    def _journal(self) -> Proof:
        """What ``verify-journal`` says."""
        found = check_journal(self._stage.journal_file)
        match found:
            case Holds():
                return self._proof("journal", holds=found.streams == 1, entries=found.entries)
            case _:
                return self._proof("journal", holds=False, entries=0)

    def _receipt(self) -> Proof:
        """The signature holds over exactly these data sets, and does not over a receipt with one character changed."""
        names = [one.name for one in self._claims().data_sets]
        token = _read(self._stage.folder / RECEIPT)
        return self._proof(
            "receipt",
            holds=set(names) == set(TABLES) and _holds_no_more(token, _read(self._stage.folder / KEYS)),
            data_sets=len(names),
        )

    def _head(self) -> Proof:
        """The entry that the receipt names stands in the journal, with that hash."""
        claims = self._claims()
        head = claims.journal_head
        stored = [
            (name, record.sequence, record.hash)
            for name, _, _, records in stored_streams(self._stage.journal_file)
            for record in records
        ]
        return self._proof("head", holds=(claims.stream, head.sequence, head.hash) in stored, entry=head.sequence)

    def _claims(self) -> ReceiptClaims:
        """What the receipt's file says.

        Raises:
            ReceiptInvalidError: the keys' file does not bear it out.
        """
        return verify_receipt(_read(self._stage.folder / RECEIPT), _read(self._stage.folder / KEYS))

    def _login(self) -> Proof:
        """User name and password open nothing any more."""
        person = self._stage.person
        return self._proof("login", holds=self._stage.login.log_in(person.login_name, person.password) is None)

    def _reserved(self) -> Proof:
        """The name is kept from others, and only that name."""
        service, name = self._stage.service, self._stage.person.login_name
        return self._proof("reserved", holds=service.reserved(name.upper()) and not service.reserved(f"{name}x"))

    def _status(self) -> Proof:
        """The reference alone tells how it ended."""
        status = self._stage.service.status(self.reference)
        return self._proof("status", holds=status.step == "closed" and status.closed_at is not None)

    def _farewell(self) -> Proof:
        """It arrived, with the reference in it."""
        arrived = [one for one in self._stage.mail.to(self._stage.address("email")) if self.reference in one.text]
        return self._proof("farewell", holds=len(arrived) == 1)


def _holds_no_more(token: str, jwks: str) -> bool:
    """Whether the receipt is refused when one character in its middle is another."""
    middle = len(token) // 2
    other = "A" if token[middle] != "A" else "B"
    try:
        verify_receipt(f"{token[:middle]}{other}{token[middle + 1 :]}", jwks)
    except ReceiptInvalidError:
        return True
    return False


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
