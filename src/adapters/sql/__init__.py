"""Keeps everything in a relational database: a file of SQLite, or a PostgreSQL server.

One set of SQLAlchemy Core statements serves both; `tables` says what is stored and why,
`transaction` how statements are run, with four modules behind it, and each
other module is one repository. What the stored things mean is the domain's word: nobody here
decides who may do what.
"""

from hashpost.adapters.sql.migrations import (
    SchemaMismatch,
    UnusableDatabase,
    downgrade,
    migrate,
    schema_revision,
)
from hashpost.adapters.sql.storage import PATIENCE, SqlStorage

__all__ = [
    "PATIENCE",
    "SchemaMismatch",
    "SqlStorage",
    "UnusableDatabase",
    "downgrade",
    "migrate",
    "schema_revision",
]
