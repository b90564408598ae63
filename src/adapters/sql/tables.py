"""The tables, as they are now; `migrations` holds how they came to be.

Made to be cut into shards some day: each table names its shard key, and there are no triggers, no
sequences and no foreign keys. Whoever writes a row here has just read, in the same transaction, the
rows it points to.

Ids and times are BIGINT. A time is in Unix milliseconds: one integer on every database, no time
zone to lose, compared as it is. `created_at` stands nowhere: the id holds it (`id >> 11`).

Columns that came later to a table have defaults, so that the program before may write to it while
one process after the other is replaced.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    literal_column,
    text,
    true,
)

from hashpost.domain.ids import MAX_ID

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
    # What makes addresses equal, as above. Not unique: nobody proves that an address is theirs.
    Column("email_key", Key),
    Column("weekly_digest", Boolean, nullable=False, server_default=false()),
    Column("digest_at", BigInteger),  # null: there was none yet
    Column("deleted_at", BigInteger),  # null: has not gone
    PrimaryKeyConstraint("id"),
    UniqueConstraint("username_key"),  # also finds the user at a log-in
)
_has_email = users.c.email_key.is_not(None)
_wants_digest = users.c.weekly_digest.is_(true())

# Who is meant by an address, in the order of ids. Those without one cost nothing here.
Index(
    "ix_users_email_key",
    users.c.email_key,
    users.c.id,
    postgresql_where=_has_email,
    sqlite_where=_has_email,
)
# Who wants the weekly digest, by id: those who do are few, and are asked for every day.
Index(
    "ix_users_weekly_digest",
    users.c.id,
    postgresql_where=_wants_digest,
    sqlite_where=_wants_digest,
)

# Shard key: none, a small table on every node: the users who are deleted and whose posts are still
# there. As long as there is one, whoever reads timelines passes over these posts (`hiding`).
deleted_users = Table(
    "deleted_users",
    metadata,
    Column("user_id", Id, autoincrement=False, nullable=False),
    PrimaryKeyConstraint("user_id"),
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
    Column("generation", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("id"),
)
_is_revoked = sessions.c.revoked_at.is_not(None)

# Finds what has expired, to be purged; a refresh changes the row and moves this entry along.
Index("ix_sessions_expires_at", sessions.c.expires_at)
# Finds what was revoked, to be purged before it expires.
Index(
    "ix_sessions_revoked_at",
    sessions.c.revoked_at,
    postgresql_where=_is_revoked,
    sqlite_where=_is_revoked,
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
# Finds all tokens of a session that is purged; without it each purge would read the whole table.
Index("ix_session_tokens_session_id", session_tokens.c.session_id)

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
_is_deleted = posts.c.deleted_at.is_not(None)

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
# Finds what was deleted long ago, to be purged; live posts cost nothing here.
Index(
    "ix_posts_deleted_at",
    posts.c.deleted_at,
    postgresql_where=_is_deleted,
    sqlite_where=_is_deleted,
)

# The deleted posts of a user, the last deleted first, for whoever wants one back.
Index(
    "ix_posts_owner_deleted",
    posts.c.owner_id,
    posts.c.deleted_at,
    posts.c.id,
    postgresql_where=_is_deleted,
    sqlite_where=_is_deleted,
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
# `hashpost check` finds those that should not be there without scanning the table per batch. With
# the name in it, what was used on a day is read from here alone; without, PostgreSQL 18 would
# rather skip through the whole primary key. As large as that: 32 bytes an entry, beside 44 for the
# row.
Index("ix_post_hashtags_post_id_name", post_hashtags.c.post_id, post_hashtags.c.name)

# How many live posts the timelines have: a list is "*" for all posts, "@" with the id of a user, or
# "#" with the name of a hashtag. `tallies` says what these tables mean to whoever reads and writes.

# Shard key: none, one row on every node: up to which post id the tallies count.
watermark = Table(
    "watermark",
    metadata,
    Column("one", Integer, autoincrement=False, nullable=False),  # is 1
    Column("folded", BigInteger, nullable=False),
    Column("announced", BigInteger, nullable=False),  # will be folded soon; never goes back
    PrimaryKeyConstraint("one"),
)

# Shard key: list.
tallies = Table(
    "tallies",
    metadata,
    Column("list", Key, nullable=False),
    Column("live", BigInteger, nullable=False),
    PrimaryKeyConstraint("list"),
    sqlite_with_rowid=False,
)
# No range of names: SQLite would rather read that from the primary key, and sort it.
is_of_hashtag = func.substr(tallies.c.list, literal_column("1"), literal_column("1")) == (
    literal_column("'#'")
)

# The most used hashtags, in the order of the ranking.
Index(
    "ix_tallies_hashtags",
    tallies.c.live.desc(),
    tallies.c.list,
    postgresql_where=is_of_hashtag,
    sqlite_where=is_of_hashtag,
)

# Shard key: list. How many live posts of a long list lie from one post id to the next of the same
# level; those of a higher level begin where some of the level below do. A few thousand rows for a
# million posts.
marks = Table(
    "marks",
    metadata,
    Column("list", Key, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("first_id", BigInteger, nullable=False),
    Column("live", BigInteger, nullable=False),
    PrimaryKeyConstraint("list", "level", "first_id"),
    sqlite_with_rowid=False,
)

# Shard key: list. What came to a list, or left it, at a place that was announced already. Without
# a primary key: the same may happen again and again, and nobody asks for a single one.
changes = Table(
    "changes",
    metadata,
    Column("list", Key, nullable=False),
    Column("post_id", BigInteger, nullable=False),
    Column("delta", SmallInteger, nullable=False),  # 1 or -1
    # How far the watermark was announced to move when it was written; since revision 0005.
    Column("announced", BigInteger, nullable=False, server_default=text(str(MAX_ID))),
)
# Find those of a list, and those of all lists: only what was announced since the watermark moved,
# for what was folded in before may lie dead in there for as long as somebody's transaction lasts.
Index(
    "ix_changes_list_announced",
    changes.c.list,
    changes.c.announced,
    changes.c.post_id,
    changes.c.delta,
)
Index(
    "ix_changes_announced",
    changes.c.announced,
    changes.c.list,
    changes.c.post_id,
    changes.c.delta,
)

# Shard key: key.
imports = Table(
    "imports",
    metadata,
    Column("key", LargeBinary, nullable=False),  # SHA-256 of a line that was imported
    PrimaryKeyConstraint("key"),
    sqlite_with_rowid=False,
)

# Shard key: user_id, so that the favourites of a user lie beside the user.
favorites = Table(
    "favorites",
    metadata,
    Column("user_id", BigInteger, nullable=False),
    Column("name", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),  # the one time that no id holds
    PrimaryKeyConstraint("user_id", "name"),  # also lists them; at most 200 are sorted by time
    sqlite_with_rowid=False,
)

# Shard key: user_id. Requests under idempotency keys, for a day.
idempotent_requests = Table(
    "idempotent_requests",
    metadata,
    Column("user_id", BigInteger, nullable=False),
    Column("key", Key, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),  # SHA-256
    Column("made_at", BigInteger, nullable=False),
    Column("answer", Text, nullable=False),
    PrimaryKeyConstraint("user_id", "key"),
    sqlite_with_rowid=False,
)
# Finds what is old, to be purged.
Index("ix_idempotent_requests_made_at", idempotent_requests.c.made_at)

# Shard key: id. A message lies wherever its id puts it; (job, slot) is unique over all shards, but
# only the few messages of periodic jobs have slots.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, autoincrement=False, nullable=False),
    Column("job", Key, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON; nothing here looks into it
    Column("state", Key, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger),  # null: done or dead
    Column("finished_at", BigInteger),  # null: neither done nor dead
    Column("slot", BigInteger),  # null: not of a periodic job; any number of nulls are unique
    Column("outcome", Text),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("job", "slot"),  # one message a slot; which slot of a job is its latest
)
_is_open = outbox.c.next_at.is_not(None)
_is_finished = outbox.c.finished_at.is_not(None)

# Finds what is due, longest first; messages that have ended, nearly all there are, are not in it.
Index("ix_outbox_next_at", outbox.c.next_at, postgresql_where=_is_open, sqlite_where=_is_open)
# Finds what ended long ago, to be purged: done ones after a week, dead ones after three months.
Index(
    "ix_outbox_state_finished_at",
    outbox.c.state,
    outbox.c.finished_at,
    postgresql_where=_is_finished,
    sqlite_where=_is_finished,
)

# Shard key: job; better a small table on every node.
schedules = Table(
    "schedules",
    metadata,
    Column("job", Key, nullable=False),
    Column("cron", Text, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("job"),
    sqlite_with_rowid=False,
)

# Shard key: none, this is a small table of one node: it is read and replaced as a whole. The row
# whose name is empty is no hashtag: whoever replaces the others locks it first.
trends = Table(
    "trends",
    metadata,
    Column("name", Key, nullable=False),
    Column("users_today", Integer, nullable=False),
    Column("users_yesterday", Integer, nullable=False),
    Column("peak", Double, nullable=False),
    Column("peaked_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
    sqlite_with_rowid=False,
)
