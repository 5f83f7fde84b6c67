"""Accounts: who is known, in which role, with which password, and who may still log in."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, select

from collector.database import tables
from collector.database.database import reading
from collector.errors import RegistryError
from collector.registry.accounts import Accounts, Role
from collector.registry.passwords import Passwords

GOOD = "tre fyra ord som inte hör ihop"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def accounts(engine: Engine) -> Accounts:
    """No account yet."""
    return Accounts(engine, Passwords(QUICK))


def hashed(engine: Engine, name: str) -> str:
    """What is kept of somebody's password."""
    chosen = select(tables.account.c.password_hash).where(tables.account.c.name == name)
    with reading(engine) as connection:
        return str(connection.scalar(chosen))


def test_whoever_was_added_is_let_in_by_the_password_alone(accounts: Accounts) -> None:
    added = accounts.add("Anna.Ek@kommunen.example", Role.MUNICIPALITY, GOOD)
    assert (added.name, added.role) == ("anna.ek@kommunen.example", Role.MUNICIPALITY)
    assert accounts.check(" anna.ek@KOMMUNEN.example ", GOOD) == added
    assert accounts.check(added.name, GOOD + " ") is None
    assert accounts.check("bo", GOOD) is None
    assert accounts.all() == [added]


def test_the_same_password_from_another_keyboard_is_the_same(accounts: Accounts) -> None:
    accounts.add("anna", Role.POLICE, "a\N{COMBINING RING ABOVE}ska över hav och land")
    assert accounts.check("anna", "\N{LATIN SMALL LETTER A WITH RING ABOVE}ska över hav och land")


def test_passwords_are_kept_as_argon2id_and_hashed_anew_when_that_gets_safer(
    engine: Engine, accounts: Accounts
) -> None:
    accounts.add("anna", Role.POLICE, GOOD)
    before = hashed(engine, "anna")
    assert before.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    safer = Accounts(engine, Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)))
    assert safer.check("anna", "wrong") is None
    assert hashed(engine, "anna") == before
    assert safer.check("anna", GOOD) is not None
    assert hashed(engine, "anna").startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert accounts.check("anna", GOOD) is not None


def test_unless_told_they_are_hashed_as_rfc_9106_recommends(engine: Engine) -> None:
    accounts = Accounts(engine)
    accounts.add("anna", Role.POLICE, GOOD)
    assert hashed(engine, "anna").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert accounts.check("anna", GOOD) is not None


def test_nobody_is_compared_as_somebody_is(accounts: Accounts) -> None:
    """Whoever does not exist is checked against a hash all the same, which no password opens."""
    passwords = Passwords(QUICK)
    assert not passwords.holds(None, "of nobody at all")
    assert not passwords.holds(None, "")
    assert not passwords.holds("no hash", GOOD)


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("kort", "needs 12 characters"),
        ("x" * 300, "at most"),
        ("aaaaaaaaaaaaaaaa", "first to be tried"),
        ("123456789012345", "first to be tried"),
        ("qwertyuiopåasdf", "first to be tried"),
        ("Password123456!", "first to be tried"),
        ("Lösenord-2026-2026", "first to be tried"),
        ("kommunen202611", "first to be tried"),
        ("abc1abc1abc1abc1", "first to be tried"),
        ("jag heter Anna.Ek alltså", "own name"),
        ("hemliga ekskogen ekman", "own name"),
    ],
)
def test_what_is_guessed_first_is_refused(accounts: Accounts, password: str, told: str) -> None:
    with pytest.raises(RegistryError, match=told):
        accounts.add("anna.ekman", Role.POLICE, password)
    accounts.add("anna.ekman", Role.POLICE, GOOD)
    with pytest.raises(RegistryError, match=told):
        accounts.set_password("anna.ekman", password)
    assert accounts.check("anna.ekman", GOOD) is not None


@pytest.mark.parametrize("name", ["", " ", "-", "a b", "a/b", "\0", "a\nb", "x" * 101, ".a", "<b>"])
def test_what_cannot_name_an_account_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(RegistryError, match="cannot name an account"):
        accounts.add(name, Role.POLICE, GOOD)
    assert accounts.all() == []


@pytest.mark.usefixtures("registry")
def test_only_school_staff_belong_to_a_site_that_is_known(accounts: Accounts) -> None:
    assert accounts.add("rektor", Role.SCHOOL, GOOD, "ekskolan").site == "ekskolan"
    with pytest.raises(RegistryError, match="no site 'nowhere'"):
        accounts.add("vikarie", Role.SCHOOL, GOOD, "nowhere")
    with pytest.raises(RegistryError, match="only the role school"):
        accounts.add("bo", Role.POLICE, GOOD, "ekskolan")
    with pytest.raises(RegistryError, match="only the role school"):
        accounts.set_role("rektor", Role.POLICE, "ekskolan")
    assert accounts.set_role("rektor", Role.POLICE).site is None


def test_a_name_is_taken_once(accounts: Accounts) -> None:
    accounts.add("anna", Role.POLICE, GOOD)
    with pytest.raises(RegistryError, match="already"):
        accounts.add("ANNA", Role.TECHNICIAN, GOOD)
    with pytest.raises(RegistryError, match="already"):
        accounts.require_addable("Anna", Role.TECHNICIAN)


def test_somebody_always_remains_who_manages_the_accounts(accounts: Accounts) -> None:
    assert not accounts.has_administrator()
    accounts.add("anna", Role.ADMINISTRATOR, GOOD)
    for change in (accounts.disable, accounts.remove):
        with pytest.raises(RegistryError, match="the only administrator"):
            change("anna")
    with pytest.raises(RegistryError, match="the only administrator"):
        accounts.set_role("anna", Role.POLICE)
    assert accounts.set_role("anna", Role.ADMINISTRATOR).role == Role.ADMINISTRATOR
    accounts.add("bo", Role.ADMINISTRATOR, GOOD)
    accounts.disable("anna")
    with pytest.raises(RegistryError, match="the only administrator"):
        accounts.remove("bo")
    assert accounts.remove("anna").disabled_at is not None
    assert accounts.has_administrator()


def test_whoever_is_disabled_is_not_let_in_until_enabled(accounts: Accounts) -> None:
    accounts.add("anna", Role.POLICE, GOOD)
    at = accounts.disable("anna").disabled_at
    assert at is not None
    assert accounts.disable("anna").disabled_at == at
    assert accounts.check("anna", GOOD) is None
    accounts.enable("anna")
    assert accounts.check("anna", GOOD) is not None


def test_an_unknown_account_is_said(accounts: Accounts) -> None:
    for change in (accounts.disable, accounts.enable, accounts.remove, accounts.account):
        with pytest.raises(RegistryError, match="there is no account 'bo'"):
            change("bo")
