"""Settings, read once from the environment."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """The settings that differ between machines: `proxies` is the variable BOOKMARKS_PROXIES, and so on."""

    # A misspelled variable is an error, which shows its name but not its value, since some are secrets.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: str = "sqlite:///bookmarks.db"
    trusted_hosts: str = ""  # separated by spaces; if empty, all hosts are trusted
    proxies: Annotated[int, Field(ge=0, le=9)] = 0  # each of them sets X-Forwarded-For, -Proto and -Host
    token_days: Annotated[int, Field(ge=1, le=365)] = 14
    metrics_token: str | None = None  # without it, there is no /metrics


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read all variables that are not empty. Raises ValueError if a value or a name is invalid."""
    prefix = "BOOKMARKS_"
    given = {name: text for name, text in environ.items() if name.startswith(prefix) and text}
    return Settings.model_validate({name.removeprefix(prefix).lower(): text for name, text in given.items()})
