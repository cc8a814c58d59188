"""Passwords and tokens, and the middleware that requires a token."""

import hashlib
import hmac
import secrets
from typing import NoReturn

from sqlalchemy import delete
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.security import check_password_hash, generate_password_hash

from microfn import Handle, Middleware, Params, Request, Response, abort

from .database import session_of
from .models import Token, User, now


def hash_password(password: str) -> str:
    """Hash a password with a random salt. This is slow on purpose."""
    # N, r and p of the OWASP Password Storage Cheat Sheet, which take 32 MiB of memory.
    return generate_password_hash(password, "scrypt:32768:8:3")


REFUSED = {401: "The token is missing, unknown or too old."}
"""The description of this answer, for all routes that need a token."""
NO_PASSWORD = hash_password(secrets.token_urlsafe())


def is_password_of(user: User | None, password: str) -> bool:
    """Check a password. This takes as long without a user, so the time does not reveal if an account exists."""
    is_right = check_password_hash(user.password_hash if user else NO_PASSWORD, password)
    return user is not None and is_right


def issue_token(request: Request, user: User, *, seconds: int) -> str:
    """Create a token, and delete the expired ones of this user."""
    token = secrets.token_urlsafe(32)
    session_of(request).execute(delete(Token).where(Token.user_id == user.id, Token.expires <= now()))
    session_of(request).add(Token(digest=_digest(token), user_id=user.id, expires=now() + seconds))
    return token


def _digest(token: str | None) -> bytes:
    # A token has 256 random bits, so a fast hash without a salt is enough.
    return hashlib.sha256((token or "").encode()).digest()


def signed_in(handle: Handle[Response]) -> Handle[Response]:
    """Accept only requests with a valid token. Caches must not store their responses."""

    def checked(request: Request, params: Params) -> Response:
        token = session_of(request).get(Token, _digest(_bearer(request)))
        if token is None or token.expires <= now():
            _refuse(request)
        request.context.token = token
        response = handle(request, params)
        response.headers["Cache-Control"] = "no-store"
        return response

    return checked


def user_of(request: Request) -> User:
    """Return the user of the token."""
    user: User = request.context.token.user
    return user


def only_with(token: str) -> Middleware:
    """Accept only requests with this token."""

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        def checked(request: Request, params: Params) -> Response:
            is_same = hmac.compare_digest(_digest(_bearer(request)), _digest(token))
            return handle(request, params) if is_same else _refuse(request)

        return checked

    return middleware


def _bearer(request: Request) -> str | None:
    given = request.authorization
    return given.token if given is not None and given.type == "bearer" else None


def _refuse(request: Request) -> NoReturn:
    # RFC 6750, section 3.1: a request without a token gets no error code.
    challenge = WWWAuthenticate("bearer", {"error": "invalid_token"} if _bearer(request) else {"realm": "bookmarks"})
    abort(401, "Send a valid token: Authorization: Bearer TOKEN.", www_authenticate=challenge)
