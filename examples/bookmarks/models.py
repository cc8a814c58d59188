"""The tables."""

import time

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


def now() -> int:
    """Return the seconds since 1970. SQLite has no time zones, and a number is the same in every database."""
    return int(time.time())


class Base(DeclarativeBase):
    """The registry of all tables."""


class User(Base):
    """A person with a login."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    password_hash: Mapped[str] = mapped_column(String(256))


class Token(Base):
    """A token of a user. Only its SHA-256 is stored, so the table is useless to a thief."""

    __tablename__ = "tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires: Mapped[int] = mapped_column(BigInteger)
    user: Mapped[User] = relationship(lazy="joined")


class Bookmark(Base):
    """A bookmark of one user."""

    __tablename__ = "bookmarks"
    # Two concurrent requests can both check before they insert. Only the database knows the first.
    __table_args__ = (UniqueConstraint("user_id", "url"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    url: Mapped[str] = mapped_column(String(2083))
    title: Mapped[str] = mapped_column(String(200))
    created: Mapped[int] = mapped_column(BigInteger, default=now)
