"""Logging in to the sample portal, and what nobody learns from failing to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.password import PasswordCheck
from hht_closure.portal import Argon2idHasher, UnsafeCheapHasher
from hht_closure.portal.login import SESSION_VALID_FOR
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.values import Secret
from tests.portal.stage import Stage


def test_the_right_password_opens_a_session_of_that_account(stage: Stage) -> None:
    """The principal says whose session it is, since when, and by what means."""
    principal = stage.login.principal(stage.token())
    assert principal is not None
    assert (principal.account, principal.logged_in_at, principal.means) == (
        stage.person.account,
        stage.clock.now(),
        "password",
    )


def test_the_login_name_is_found_however_it_is_written(stage: Stage) -> None:
    """Full-width letters, capitals and blanks around it are the same name."""
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in stage.person.login_name)
    assert stage.login.log_in(f"  {wide.upper()} ", stage.person.password) is not None


@pytest.mark.parametrize("case", ["unknown", "wrong", "retired", "too_long"])
def test_failures_cannot_be_told_apart(stage: Stage, case: str) -> None:
    """Unknown, retired, wrong: the same answer, one verification each, and nothing written (L9)."""
    gone = stage.sample.person("en")
    stage.pieces.directory.retire(gone.account)
    name, password = {
        "unknown": ("nobody", stage.person.password),
        "wrong": (stage.person.login_name, Secret("wrong")),
        "retired": (gone.login_name, gone.password),
        "too_long": (stage.person.login_name, Secret("x" * 5000)),
    }[case]
    before, sessions = stage.hasher.verified, stage.rows("SELECT * FROM sessions")
    answer = stage.login.log_in(name, password)
    assert (answer, stage.hasher.verified - before, stage.rows("SELECT * FROM sessions")) == (None, 1, sessions)


def test_a_password_too_long_to_be_one_is_not_hashed(stage: Stage) -> None:
    """Nobody makes the portal work by sending megabytes."""
    stage.login.log_in(stage.person.login_name, Secret("x" * 5000))
    assert (stage.hasher.verified, stage.hasher.longest) == (1, 0)


def test_the_token_is_not_in_the_database(stage: Stage) -> None:
    """Whoever reads the file cannot log in: it holds the token's digest alone."""
    assert stage.token().reveal().encode() not in stage.bytes()


def test_a_token_that_was_never_given_is_nobodys(stage: Stage) -> None:
    """An invented token opens nothing."""
    stage.token()
    assert stage.login.principal(Secret("invented")) is None


def test_a_session_lives_to_the_last_second(stage: Stage) -> None:
    """A second before its end it is honoured."""
    token = stage.token()
    stage.clock.advance(SESSION_VALID_FOR - timedelta(seconds=1))
    assert stage.login.principal(token) is not None


def test_a_session_is_dead_at_its_end(stage: Stage) -> None:
    """Exactly at its end it is not honoured any more."""
    token = stage.token()
    stage.clock.advance(SESSION_VALID_FOR)
    assert stage.login.principal(token) is None


def test_logging_out_ends_that_session_alone(stage: Stage) -> None:
    """Another session of the same account goes on."""
    token, other = stage.token(), stage.token()
    stage.login.log_out(token)
    assert (stage.login.principal(token), stage.login.principal(other) is not None) == (None, True)


def test_the_owner_of_a_frozen_account_may_log_in(stage: Stage) -> None:
    """To see the closing and withdraw it."""
    stage.pieces.directory.freeze(stage.person.account, 1)
    assert stage.login.principal(stage.token()) is not None


def test_an_account_retired_while_the_password_was_checked_gets_no_session(stage: Stage) -> None:
    """The session is written under the same row that retiring empties."""
    retire, verify = stage.pieces.directory.retire, stage.hasher.verify

    class RetiringHasher(UnsafeCheapHasher):
        """Retires the account between the check and the session."""

        def verify(self, password: Secret[str], stored: str) -> bool:
            """As the cheap one does."""
            retire(stage.person.account)
            return verify(password, stored)

    login = type(stage.login)(
        stage.sample.database, hasher=RetiringHasher(), clock=stage.clock, entropy=UnsafeSeededEntropy(2)
    )
    assert login.log_in(stage.person.login_name, stage.person.password) is None
    assert stage.one("SELECT count(*) FROM sessions WHERE user_id = ?", stage.person.account) == 0


def test_the_password_is_checked_for_its_account(stage: Stage) -> None:
    """As the factor ``password`` asks it: right for this account, wrong for another."""
    check: PasswordCheck = stage.login
    english = stage.sample.person("en")
    assert check.check(stage.person.account, stage.person.password) is True
    assert check.check(english.account, stage.person.password) is False


def test_checking_for_nobody_costs_as_much(stage: Stage) -> None:
    """An account that is not there is verified, too, against a hash that nobody's password gives (L9)."""
    before = stage.hasher.verified
    assert stage.login.check(AccountId("nobody"), stage.person.password) is False
    assert stage.hasher.verified == before + 1


def test_argon2id_knows_its_own_password_and_no_other() -> None:
    """The real hasher, with the costs that OWASP recommends, and a new salt each time."""
    hasher = Argon2idHasher(UnsafeSeededEntropy(1))
    stored, again = hasher.hash(Secret("密码 ＡＢＣ")), hasher.hash(Secret("密码 ＡＢＣ"))
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != again
    assert hasher.verify(Secret("密码 ABC"), stored)
    assert not hasher.verify(Secret("密码 ABD"), stored)


def test_a_stored_text_of_another_kind_verifies_nothing() -> None:
    """A hash in a format that is not ours is nobody's."""
    assert not Argon2idHasher(UnsafeSeededEntropy(1)).verify(Secret("x"), UnsafeCheapHasher().hash(Secret("x")))
