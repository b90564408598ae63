"""Where a database is, as a URL says it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


@dataclass(frozen=True, slots=True)
class Address:
    """The URL of one database."""

    url: URL

    @classmethod
    def parsed(cls, url: str) -> "Address":
        """The address that a URL like `sqlite:///PATH` or `postgresql://USER@HOST/NAME` gives.

        Raises:
            ValueError: another kind of database, no URL at all, or SQLite without a file.
        """
        try:
            parsed = make_url(url)
            driver = _DRIVERS[parsed.drivername]
        except (ArgumentError, KeyError):
            # Without the URL, and without a cause that shows it: there may be a password in it.
            raise ValueError("a database URL begins with sqlite:/// or postgresql://") from None
        if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file: sqlite:///PATH")
        return cls(parsed.set(drivername=driver))

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite; else it is a PostgreSQL server."""
        return self.url.drivername == "sqlite"

    @property
    def driver_arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """What the driver wants to know to connect there, by position and by name."""
        arguments, options = self.url.get_dialect()().create_connect_args(self.url)
        return list(arguments), dict(options)
