"""Registration, login and logout."""

import unicodedata
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from microfn import InvalidData, Params, Request, Router, abort

from .auth import REFUSED, hash_password, is_password_of, issue_token, signed_in, user_of
from .database import session_of
from .models import User

WRONG = "The name or the password is wrong."
# NIST SP 800-63B-4, section 3.1.1.2: two keyboards can encode one character differently.
NORMALIZED = AfterValidator(partial(unicodedata.normalize, "NFKC"))


class Credentials(BaseModel):
    """The body of a login. The rules for passwords don't apply to existing ones."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=200)]
    password: Annotated[str, Field(max_length=200), NORMALIZED]


class NewUser(Credentials):
    """The body of a registration."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern="^[A-Za-z0-9_-]{2,32}$")]
    password: Annotated[str, Field(min_length=10, max_length=200), NORMALIZED]


def users(*, token_days: int) -> Router:
    """Create the routes of users and their tokens."""
    app = Router()
    signed = app.group("", security=["token"], responses=REFUSED)

    @app.post("/users", valid=NewUser, name="register", responses={201: dict[str, str], 409: "The name is taken."})
    def register(request: Request, params: Params) -> tuple[dict[str, str], int, dict[str, str]]:
        wanted: NewUser = request.valid
        if wanted.name == wanted.password.lower():
            raise InvalidData("The password must differ from the name.", path=["password"])
        # The hash is slow, so it comes before the transaction, which blocks others.
        session_of(request).add(User(name=wanted.name, password_hash=hash_password(wanted.password)))
        try:
            session_of(request).flush()
        except IntegrityError:
            abort(409, f"The name {wanted.name!r} is taken.")
        return {"name": wanted.name}, 201, {"Location": request.url_for(me)}

    @signed.get("/users/me", use=[signed_in], name="me")
    def me(request: Request, params: Params) -> dict[str, str]:
        return {"name": user_of(request).name}

    @app.post("/tokens", valid=Credentials, name="login", responses={201: dict[str, str | int], 403: WRONG})
    def login(request: Request, params: Params) -> tuple[dict[str, str | int], int, dict[str, str]]:
        given: Credentials = request.valid
        user = session_of(request).scalar(select(User).where(User.name == given.name))
        if not is_password_of(user, given.password) or user is None:
            abort(403, WRONG)
        token = issue_token(request, user, seconds=token_days * 86400)
        return {"token": token, "expires_in": token_days * 86400}, 201, {"Cache-Control": "no-store"}

    @signed.delete("/tokens/current", use=[signed_in], name="logout", responses={204: "Signed out."})
    def logout(request: Request, params: Params) -> tuple[str, int]:
        session_of(request).delete(request.context.token)
        return "", 204

    return app
