"""Login by an OpenID provider: the code flow with PKCE, state and nonce (OpenID Connect Core 3.1).

What has to be remembered between leaving and coming back is made from the secret that only this
browser holds, so that nothing is stored, and nobody can come back with what another began.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from collector.access_config import Oidc
from collector.errors import CollectorError
from collector.roles import Role

_TIMEOUT_S: Final = 10.0
_KEPT_S: Final = 3600.0
_LEEWAY_S: Final = 60
_SALT_BYTES: Final = 16
_USUAL_ALGORITHM: Final = "RS256"

_log = logging.getLogger(__name__)


class ProviderError(CollectorError):
    """The provider cannot be reached, or answers what it should not."""


class ForeignAnswerError(CollectorError):
    """Somebody comes back who did not leave from this browser, or too late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom the provider says it is; `role` is None where it names none that we know."""

    issuer: str
    subject: str
    name: str
    role: Role | None


@dataclass(frozen=True, slots=True)
class _Metadata:
    values: Mapping[str, Any]
    keys: KeySet
    read_at: float


class Provider:
    """The provider of the configuration; safe for several threads.

    Parameters
    ----------
    redirect_uri : str
        Where it sends people back to.
    """

    def __init__(self, config: Oidc, redirect_uri: str) -> None:
        self.config = config
        self._redirect_uri = redirect_uri
        self._known: _Metadata | None = None
        self._lock = threading.Lock()

    def leave(self, secret: str, onward: str) -> str:
        """Return the address to send a browser to, which holds `secret`; it goes on to `onward`."""
        state = _state(secret, secrets.token_hex(_SALT_BYTES), onward)
        with self._client() as client:
            address, _ = client.create_authorization_url(
                self._metadata().values["authorization_endpoint"],
                state=state,
                nonce=_derived(secret, "nonce", state),
                code_verifier=_derived(secret, "verifier", state),
            )
        return str(address)

    def come_back(self, secret: str, state: str, code: str) -> tuple[Person, str]:
        """Return who it is and where to go on.

        Raises
        ------
        ForeignAnswerError, ProviderError
            This browser did not begin that; the provider cannot be asked, or is not to be believed.
        """
        onward = _onward(secret, state)
        metadata = self._metadata()
        try:
            with self._client() as client:
                token = client.fetch_token(
                    metadata.values["token_endpoint"],
                    code=code,
                    code_verifier=_derived(secret, "verifier", state),
                    timeout=_TIMEOUT_S,
                )
                claims = self._claims(token, _derived(secret, "nonce", state))
                claims |= self._more(client, metadata, claims)
        except (AuthlibBaseError, JoseError, ValueError, KeyError) as error:
            raise ProviderError(f"{self.config.issuer} lets nobody in: {error}") from error
        except requests.RequestException as error:
            raise ProviderError(f"{self.config.issuer} cannot be asked: {error}") from error
        return self._person(claims), onward

    def _client(self) -> OAuth2Session:
        return OAuth2Session(
            client_id=self.config.client_id,
            client_secret=self.config.client_secret or None,
            token_endpoint_auth_method=(
                "client_secret_basic" if self.config.client_secret else "none"
            ),
            scope=self.config.scope,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )

    def _claims(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """What the ID token says, once its signature, issuer, audience, time and nonce hold."""
        try:
            decoded = self._decoded(token["id_token"])
        except InvalidKeyIdError:
            # It has new keys.
            self._metadata(anew=True)
            decoded = self._decoded(token["id_token"])
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": self.config.issuer},
                "aud": {"essential": True, "value": self.config.client_id},
            },
            {
                "nonce": nonce,
                "client_id": self.config.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(leeway=_LEEWAY_S)
        return dict(claims)

    def _decoded(self, id_token: str) -> jwt.Token:
        metadata = self._metadata()
        offered = metadata.values.get("id_token_signing_alg_values_supported", [_USUAL_ALGORITHM])
        # Never none, and none that whoever knows our secret could sign with.
        accepted = [one for one in offered if one[:2] in {"RS", "ES", "PS", "Ed"}]
        registry = JWSRegistry(algorithms=accepted, strict_check_header=False)
        return jwt.decode(id_token, metadata.keys, registry=registry)

    def _more(
        self, client: OAuth2Session, metadata: _Metadata, claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the provider tells beside the ID token, where that lacks what we need."""
        endpoint = metadata.values.get("userinfo_endpoint")
        if endpoint is None or {self.config.role_claim, self.config.name_claim} <= set(claims):
            return {}
        answer = client.get(endpoint, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        more: dict[str, Any] = answer.json()
        if more.get("sub") != claims["sub"]:
            raise ValueError("it tells of somebody else than it let in")
        return {name: value for name, value in more.items() if name not in claims}

    def _person(self, claims: Mapping[str, Any]) -> Person:
        value = claims.get(self.config.role_claim)
        values = value if isinstance(value, list) else [value]
        roles = (role for named, role in self.config.roles.items() if named in values)
        subject, name = str(claims["sub"]), claims.get(self.config.name_claim)
        if claims.get("email_verified") is False and self.config.name_claim == "email":
            name = None
        return Person(
            issuer=self.config.issuer,
            subject=subject,
            name=name if isinstance(name, str) and name else subject,
            role=next(roles, None),
        )

    def _metadata(self, *, anew: bool = False) -> _Metadata:
        with self._lock:
            known = self._known
            if known is None or anew or time.monotonic() - known.read_at > _KEPT_S:
                known = self._known = self._discover()
            return known

    def _discover(self) -> _Metadata:
        issuer = self.config.issuer
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            values = _json(address)
            if values.get("issuer") != issuer:
                raise ProviderError(
                    f"{address} tells of the issuer {values.get('issuer')!r}, not {issuer!r}: "
                    "write access.oidc.issuer exactly as the provider does"
                )
            missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - values.keys()
            if missing:
                raise ProviderError(f"{address} does not tell {', '.join(sorted(missing))}")
            keys = KeySet.import_key_set(_json(values["jwks_uri"]))
        except requests.RequestException as error:
            raise ProviderError(f"{issuer} cannot be asked: {error}") from error
        except (ValueError, KeyError, JoseError) as error:
            raise ProviderError(f"{issuer} answers what cannot be understood: {error}") from error
        return _Metadata(values, keys, time.monotonic())


def _json(address: str) -> Any:
    answer = requests.get(address, timeout=_TIMEOUT_S)
    answer.raise_for_status()
    return answer.json()


def _state(secret: str, salt: str, onward: str) -> str:
    path = urlsafe_b64encode(onward.encode()).decode().rstrip("=")
    return f"{salt}.{path}.{_derived(secret, 'state', f'{salt}.{path}')}"


def _onward(secret: str, state: str) -> str:
    begun, _, mark = state.rpartition(".")
    if not hmac.compare_digest(_derived(secret, "state", begun).encode(), mark.encode()):
        raise ForeignAnswerError("this browser did not begin that login, or it took too long")
    path = begun.partition(".")[2]
    return urlsafe_b64decode(path + "=" * (-len(path) % 4)).decode()


def _derived(secret: str, use: str, text: str) -> str:
    return hmac.digest(secret.encode(), f"skolro oidc {use} {text}".encode(), "sha256").hex()
