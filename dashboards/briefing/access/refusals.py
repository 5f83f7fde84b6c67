"""Why something is not shown or not done; each becomes a page that says what to do, or JSON."""

from __future__ import annotations

from datetime import datetime

from starlette.exceptions import HTTPException


class Refusal(HTTPException):
    """Root of the refusals; `kind` names the texts of its page (``error.title_<kind>``)."""

    kind: str

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)


class NotSignedInError(Refusal):
    """It takes a login; `expired`: there was one, and it is over."""

    kind = "login"

    def __init__(self, *, expired: bool) -> None:
        told = "your session is over: log in again" if expired else "log in first, at /login"
        # The scheme is ours: browsers ask nobody for a password because of it.
        super().__init__(401, told, {"WWW-Authenticate": 'Session realm="skolro"'})
        self.expired = expired


class NotAllowedError(Refusal):
    """The role of whoever is logged in does not have that right."""

    kind = "forbidden"

    def __init__(self, role: str) -> None:
        super().__init__(403, f"the role {role} may not do that: ask an administrator")


class StaleFormError(Refusal):
    """A form was sent with a token that is not this session's: it is too old, or not from us."""

    kind = "form"

    def __init__(self) -> None:
        super().__init__(403, "the form is no longer valid: load its page anew and send it again")


class TooManyTriesError(Refusal):
    """Too many logins failed; `until` tells when the next one is looked at."""

    kind = "tries"

    def __init__(self, until: datetime, wait_s: int) -> None:
        super().__init__(429, "too many logins failed", {"Retry-After": str(wait_s)})
        self.until = until


class NotLetInError(Refusal):
    """The provider knows somebody who may not log in here."""

    kind = "not_let_in"

    def __init__(self, reason: str) -> None:
        super().__init__(403, f"the provider knows you, but {reason}: ask an administrator")


class ProviderAwayError(Refusal):
    """The OpenID provider cannot be asked, or is not to be believed."""

    kind = "provider"

    def __init__(self) -> None:
        super().__init__(502, "the service that you log in with does not answer as it should")


class UsedLinkError(Refusal):
    """A secret link was used, taken back or cut off, or its time is over."""

    kind = "link"

    def __init__(self) -> None:
        super().__init__(404, "this link opens nothing: ask who gave it to you for a new one")


class UnknownSiteError(Refusal):
    """There is no site of that id."""

    kind = "site"

    def __init__(self, detail: str) -> None:
        super().__init__(404, detail)
