"""Settings, read once from the environment."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """All that differs between two machines: `proxies` is the variable BOOKMARKS_PROXIES, and so on."""

    # A misspelled variable is an error, which names it and keeps its value to itself: some are secrets.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: str = "sqlite:///bookmarks.db"
    trusted_hosts: str = ""  # with spaces between them; without any, all hosts are trusted
    proxies: Annotated[int, Field(ge=0, le=9)] = 0  # each of them sets X-Forwarded-For, -Proto and -Host
    token_days: Annotated[int, Field(ge=1, le=365)] = 14
    metrics_token: str | None = None  # without one there is no /metrics


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read all variables that are not empty. Raises ValueError for a value or a name that is wrong."""
    prefix = "BOOKMARKS_"
    given = {name: text for name, text in environ.items() if name.startswith(prefix) and text}
    return Settings.model_validate({name.removeprefix(prefix).lower(): text for name, text in given.items()})
