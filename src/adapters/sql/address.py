"""Where a database is, as a URL says it."""

from dataclasses import dataclass

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS = {
    "sqlite": ("sqlite", "sqlite+aiosqlite"),
    "postgresql": ("postgresql+psycopg", "postgresql+psycopg"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """The URL of one database, for ordinary drivers and for asynchronous ones."""

    url: URL
    asynchronous: URL

    @classmethod
    def parsed(cls, url: str) -> "Address":
        """The address that a URL like `sqlite:///PATH` or `postgresql://USER@HOST/NAME` gives.

        Raises:
            ValueError: another kind of database, no URL at all, or SQLite without a file.
        """
        try:
            parsed = make_url(url)
            drivers = _DRIVERS[parsed.drivername]
        except (ArgumentError, KeyError):
            # Without the URL, and without a cause that shows it: there may be a password in it.
            raise ValueError("a database URL begins with sqlite:/// or postgresql://") from None
        if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file: sqlite:///PATH")
        return cls(*(parsed.set(drivername=driver) for driver in drivers))

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite; else it is a PostgreSQL server."""
        return self.url.drivername == "sqlite"
