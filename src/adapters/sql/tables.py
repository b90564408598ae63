"""The tables, as they are now; `migrations` holds how they came to be.

Made to be cut into shards some day: each table names its shard key, and there are no triggers, no
sequences and no foreign keys. Whoever writes a row here has just read, in the same transaction, the
rows it points to.

Ids and times are BIGINT. A time is in Unix milliseconds: one integer on every database, no time
zone to lose, compared as it is. `created_at` stands nowhere: the id holds it (`id >> 11`).
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite keeps a table in the order of its rowid; only a primary key declared INTEGER is the rowid
# itself, BIGINT would cost a second index. Both hold 64 bits.
Id = BigInteger().with_variant(Integer(), "sqlite")

# Compared and sorted by code points, whatever the locale of the database: in UTF-8 the order of
# bytes is that of code points, and "C" is the order of bytes. SQLite does so by itself (BINARY).
Key = Text().with_variant(Text(collation="C"), "postgresql")

# Shard key: id. `username_key` is unique over all shards: a global index where the database has
# them (CockroachDB, YugabyteDB), or this small table on every node (a reference table of Citus).
users = Table(
    "users",
    metadata,
    Column("id", Id, autoincrement=False, nullable=False),
    Column("username", Text, nullable=False),  # as typed
    # What makes names equal. A column of its own and not an index over lower(username), because
    # it is the domain that says when two names are one, and its rule is not that of lower().
    Column("username_key", Key, nullable=False),
    Column("email", Text),
    Column("password_hash", Text),  # null: no password lets in
    Column("generation", Integer, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("username_key"),  # also finds the user at a log-in
)

# Shard key: id, which access tokens carry.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, autoincrement=False, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    # Of the tokens only the SHA-256: whoever reads the database can refresh nothing.
    Column("current", LargeBinary, nullable=False),
    Column("previous", LargeBinary),
    Column("rotated_at", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    PrimaryKeyConstraint("id"),
)

# Shard key: token_hash. Every token that a session ever had: an old one that shows up again must
# find its session, to end it. A list in the session's row would be rewritten by every refresh.
session_tokens = Table(
    "session_tokens",
    metadata,
    Column("token_hash", LargeBinary, nullable=False),
    Column("session_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("token_hash"),
    sqlite_with_rowid=False,  # the primary key is all there is: no need to keep it twice
)

# Shard key: id.
posts = Table(
    "posts",
    metadata,
    Column("id", Id, autoincrement=False, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    # The keys of the hashtags in the order of the text, with single spaces between (no key holds
    # white space), so that a page needs no join: 124-200 us against 620-815 for an aggregate over
    # post_hashtags. Text and not an array, because SQLite has no arrays.
    Column("tags", Text, nullable=False),
    Column("edited_at", BigInteger),
    Column("deleted_at", BigInteger),  # null: live
    PrimaryKeyConstraint("id"),
)
_is_live = posts.c.deleted_at.is_(None)

# The timeline of all, newest first, and its count without a look at the table.
Index("ix_posts_live", posts.c.id, postgresql_where=_is_live, sqlite_where=_is_live)
# The same for the timeline of a user.
Index(
    "ix_posts_owner_live",
    posts.c.owner_id,
    posts.c.id,
    postgresql_where=_is_live,
    sqlite_where=_is_live,
)

# Shard key: name, so that the timeline of a hashtag lies on one shard. Holds live posts only, so a
# count or a page never meets a deleted one. There is no table of hashtags: a name is its own key,
# and a row that all posts of a popular hashtag touch would be hot, and the source of deadlocks.
post_hashtags = Table(
    "post_hashtags",
    metadata,
    Column("name", Key, nullable=False),
    Column("post_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", "post_id"),  # is the timeline
    sqlite_with_rowid=False,
)
# Finds all entries of a post: a deletion takes every one of them out, right or wrong, and
# `hashpost check` finds those that should not be there without scanning the table per batch.
# 24 bytes an entry on PostgreSQL, beside 32 for the primary key and 44 for the row.
Index("ix_post_hashtags_post_id", post_hashtags.c.post_id)

# Shard key: key.
imports = Table(
    "imports",
    metadata,
    Column("key", LargeBinary, nullable=False),  # SHA-256 of a line that was imported
    PrimaryKeyConstraint("key"),
    sqlite_with_rowid=False,
)
