"""Outbox, schedules, favourites and trends; addresses and digests of users; what purges need."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

USERS = sa.table("users", sa.column("email", sa.Text), sa.column("email_key", sa.Text))


def upgrade() -> None:
    """Add the columns and their indexes, and make the new tables."""
    op.add_column("users", sa.Column("email_key", KEY))
    op.add_column(
        "users",
        sa.Column("weekly_digest", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.add_column("users", sa.Column("digest_at", sa.BigInteger))
    op.add_column(
        "sessions", sa.Column("generation", sa.Integer, nullable=False, server_default="0")
    )
    _fold_addresses()
    _index(
        "ix_users_email_key",
        "users",
        ["email_key", "id"],
        where=sa.column("email_key").is_not(None),
    )
    _index(
        "ix_users_weekly_digest",
        "users",
        ["id"],
        where=sa.column("weekly_digest", sa.Boolean).is_(sa.true()),
    )
    _index("ix_sessions_expires_at", "sessions", ["expires_at"])
    _index(
        "ix_sessions_revoked_at",
        "sessions",
        ["revoked_at"],
        where=sa.column("revoked_at").is_not(None),
    )
    _index("ix_session_tokens_session_id", "session_tokens", ["session_id"])
    _index(
        "ix_posts_deleted_at", "posts", ["deleted_at"], where=sa.column("deleted_at").is_not(None)
    )
    op.create_index("ix_post_hashtags_post_id_name", "post_hashtags", ["post_id", "name"])
    op.drop_index("ix_post_hashtags_post_id", "post_hashtags")
    op.create_table(
        "favorites",
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "name", name="pk_favorites"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("job", KEY, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("slot", sa.BigInteger),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("job", "slot", name="uq_outbox_job_slot"),
    )
    _index("ix_outbox_next_at", "outbox", ["next_at"], where=sa.column("next_at").is_not(None))
    _index(
        "ix_outbox_state_finished_at",
        "outbox",
        ["state", "finished_at"],
        where=sa.column("finished_at").is_not(None),
    )
    op.create_table(
        "schedules",
        sa.Column("job", KEY, nullable=False),
        sa.Column("cron", sa.Text, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_schedules"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trends",
        sa.Column("name", KEY, nullable=False),
        sa.Column("users_today", sa.Integer, nullable=False),
        sa.Column("users_yesterday", sa.Integer, nullable=False),
        sa.Column("peak", sa.Double, nullable=False),
        sa.Column("peaked_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_trends"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them, and all that they hold."""
    for table in ("trends", "schedules", "outbox", "favorites"):
        op.drop_table(table)
    op.create_index("ix_post_hashtags_post_id", "post_hashtags", ["post_id"])
    op.drop_index("ix_post_hashtags_post_id_name", "post_hashtags")
    op.drop_index("ix_posts_deleted_at", "posts")
    op.drop_index("ix_session_tokens_session_id", "session_tokens")
    op.drop_index("ix_sessions_revoked_at", "sessions")
    op.drop_index("ix_sessions_expires_at", "sessions")
    op.drop_index("ix_users_weekly_digest", "users")
    op.drop_index("ix_users_email_key", "users")
    op.drop_column("sessions", "generation")
    for column in ("digest_at", "weekly_digest", "email_key"):
        op.drop_column("users", column)


def _fold_addresses() -> None:
    # Only A-Z: so does lower() in the locale "C", and that of SQLite.
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    folded = sa.func.lower(USERS.c.email if is_sqlite else USERS.c.email.collate("C"))
    op.execute(USERS.update().where(USERS.c.email.is_not(None)).values(email_key=folded))


def _index(
    name: str, table: str, columns: list[str], *, where: sa.ColumnElement[bool] | None = None
) -> None:
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)
