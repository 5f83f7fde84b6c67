"""The way to the OpenID provider and back; only there where one is configured."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from collector.errors import RegistryError
from collector.registry.account_rows import LONGEST_NAME
from collector.registry.accounts import Account, Accounts, spelled
from dashboards.briefing.access.dependencies import AccessOf, VisitorOf
from dashboards.briefing.access.local_path import local_path
from dashboards.briefing.access.oidc import ForeignAnswerError, Person, Provider, ProviderError
from dashboards.briefing.access.refusals import NotLetInError, ProviderAwayError, StaleFormError
from dashboards.briefing.access.routes import SEE_OTHER, begin_session
from dashboards.briefing.web import hold_form_secret

CALLBACK = "/login/oidc/callback"

router = APIRouter(include_in_schema=False)

_log = logging.getLogger(__name__)


@router.get("/login/oidc")
def leave(
    request: Request, visitor: VisitorOf, onward: Annotated[str, Query(alias="next")] = ""
) -> Response:
    """Send the browser to the provider."""
    if visitor.session is not None:
        return RedirectResponse(local_path(onward), SEE_OTHER)
    with _explained():
        address = _provider(request).leave(visitor.secret, local_path(onward))
    answer = RedirectResponse(address, SEE_OTHER)
    hold_form_secret(request, visitor, answer)
    return answer


@router.get(CALLBACK)
def come_back(
    request: Request, visitor: VisitorOf, access: AccessOf, state: str = "", code: str = ""
) -> Response:
    """Begin a session for whomever the provider let in; who said no there may try again."""
    if visitor.session is not None or not code:
        return RedirectResponse("/login", SEE_OTHER)
    provider = _provider(request)
    with _explained():
        person, onward = provider.come_back(visitor.secret, state, code)
    try:
        accounts = access.accounts_of(visitor, spelled(person.name)[:LONGEST_NAME])
        account = account_of_person(accounts, person, add=provider.config.add_accounts)
    except NotLetInError as error:
        _log.warning("%s of %s is not let in: %s", person.name, person.issuer, error.detail)
        access.notes.note(visitor, "login_failed", CALLBACK, error.status_code)
        raise
    answer = RedirectResponse(local_path(onward), SEE_OTHER)
    begin_session(request, account, answer)
    access.notes.note(visitor, "login", CALLBACK, SEE_OTHER, account.name)
    return answer


def account_of_person(accounts: Accounts, person: Person, *, add: bool) -> Account:
    """Return somebody's account, in the role that the provider gives now.

    One that was added without a password becomes that of whoever first comes by its name. An
    account with a password is never taken over.

    Raises
    ------
    NotLetInError
        No role is known; there is no account and none is to be added; it is disabled.
    """
    if person.role is None:
        raise NotLetInError("in none of the groups that have a role here")
    account = accounts.of_subject(person.issuer, person.subject)
    try:
        if account is None:
            account = _first_time(accounts, person, add=add)
        if account.disabled_at is not None:
            raise NotLetInError("your account is disabled")
        if account.role != person.role:
            account = accounts.set_role(account.name, person.role)
    except RegistryError as error:
        raise NotLetInError(str(error)) from error
    return account


def _first_time(accounts: Accounts, person: Person, *, add: bool) -> Account:
    named = accounts.named(person.name)
    if named is None:
        if not add or person.role is None:
            raise NotLetInError("you have no account here")
        return accounts.add(
            person.name, person.role, None, issuer=person.issuer, subject=person.subject
        )
    if named.has_password or named.subject is not None:
        raise NotLetInError("somebody else has an account of your name")
    return accounts.link(named.name, person.issuer, person.subject)


def _provider(request: Request) -> Provider:
    provider: Provider = request.app.state.provider
    return provider


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ForeignAnswerError as error:
        raise StaleFormError from error
    except ProviderError as error:
        _log.error("%s", error)
        raise ProviderAwayError from error
