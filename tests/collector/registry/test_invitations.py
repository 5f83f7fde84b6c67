"""Links by which somebody chooses a password: once, in time, and known to nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, Engine, select, update

from collector.database import tables
from collector.database.database import reading, writing
from collector.errors import RegistryError
from collector.registry.accounts import Accounts, Role
from collector.registry.invitations import INVITED_FOR
from collector.registry.passwords import Passwords

GOOD = "tre fyra ord som inte hör ihop"
OTHER = "helt andra ord i en annan följd"


@pytest.fixture
def accounts(engine: Engine) -> Accounts:
    """Bo, who cannot log in yet."""
    made = Accounts(engine, Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    made.add("bo", Role.POLICE, None)
    return made


def test_whoever_has_the_link_chooses_the_password_once(accounts: Accounts) -> None:
    assert accounts.check("bo", GOOD) is None
    secret = accounts.invite("bo")
    invited = accounts.invited(secret)
    assert invited is not None
    assert (invited.name, invited.has_password) == ("bo", False)
    accepted = accounts.accept(secret, GOOD)
    assert accepted.has_password
    assert accounts.check("bo", GOOD) == accepted
    assert accounts.invited(secret) is None
    with pytest.raises(RegistryError, match="opens nothing any more"):
        accounts.accept(secret, OTHER)
    assert accounts.check("bo", OTHER) is None


def test_a_password_that_is_no_good_uses_no_link_up(accounts: Accounts) -> None:
    secret = accounts.invite("bo")
    with pytest.raises(RegistryError, match="needs 12 characters"):
        accounts.accept(secret, "kort")
    assert accounts.accept(secret, GOOD).name == "bo"


def test_it_holds_for_a_week(accounts: Accounts, engine: Engine) -> None:
    secret = accounts.invite("bo")
    bo = accounts.account("bo").id
    left = accounts.invitations()[bo] - datetime.now(UTC)
    assert INVITED_FOR - timedelta(minutes=5) < left <= INVITED_FOR
    with writing(engine) as connection:
        over = {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}
        connection.execute(update(tables.invitation).values(over))
    assert accounts.invited(secret) is None
    assert accounts.invitations() == {}
    with pytest.raises(RegistryError, match="opens nothing any more"):
        accounts.accept(secret, GOOD)


def test_the_database_does_not_hold_what_is_secret(accounts: Accounts, engine: Engine) -> None:
    secret = accounts.invite("bo")
    with reading(engine) as connection:
        rows = connection.execute(select(tables.invitation)).all()
    assert len(rows) == 1
    assert secret not in str(rows)
    assert accounts.invited(secret + "x") is None
    assert accounts.invited("") is None


def test_a_new_link_takes_the_place_of_the_last(accounts: Accounts) -> None:
    first, second = accounts.invite("bo"), accounts.invite("bo")
    assert accounts.invited(first) is None
    assert accounts.invited(second) is not None


def test_a_forgotten_password_holds_until_another_is_chosen(accounts: Accounts) -> None:
    accounts.set_password("bo", GOOD)
    secret = accounts.invite("bo")
    assert accounts.check("bo", GOOD) is not None
    accounts.accept(secret, OTHER)
    assert accounts.check("bo", GOOD) is None
    assert accounts.check("bo", OTHER) is not None


@pytest.mark.parametrize("way", ["disable", "remove", "set_password", "link"])
def test_what_takes_the_account_elsewhere_takes_back_the_link(accounts: Accounts, way: str) -> None:
    secret = accounts.invite("bo")
    if way == "set_password":
        accounts.set_password("bo", GOOD)
    elif way == "link":
        accounts.link("bo", "https://login.example", "0815")
    else:
        getattr(accounts, way)("bo")
    assert accounts.invited(secret) is None
    if way == "disable":
        accounts.enable("bo")
        assert accounts.invited(secret) is None


def test_whoever_may_not_choose_one_gets_no_link(accounts: Accounts) -> None:
    accounts.disable("bo")
    with pytest.raises(RegistryError, match="bo is disabled: enable it first"):
        accounts.invite("bo")
    accounts.add("eva", Role.POLICE, None, issuer="https://login.example", subject="0815")
    with pytest.raises(RegistryError, match="eva comes by OpenID Connect"):
        accounts.invite("eva")


def test_what_cannot_be_noted_is_not_done(accounts: Accounts) -> None:
    def fails(connection: Connection, said: str) -> None:
        raise RuntimeError(said)

    noted = accounts.noted_by(fails)
    with pytest.raises(RuntimeError, match="role bo technician"):
        noted.set_role("bo", Role.TECHNICIAN)
    with pytest.raises(RuntimeError, match="add eva school"):
        noted.add("eva", Role.SCHOOL, None)
    with pytest.raises(RuntimeError, match="invite bo"):
        noted.invite("bo")
    assert [(one.name, one.role) for one in accounts.all()] == [("bo", Role.POLICE)]
    assert accounts.invitations() == {}
