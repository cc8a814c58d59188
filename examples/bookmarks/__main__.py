"""Create the tables: python -m examples.bookmarks."""

import os

from .database import connect, create_tables
from .settings import read_settings

if __name__ == "__main__":
    create_tables(connect(read_settings(os.environ).database_url))
