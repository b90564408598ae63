"""Users, sessions, posts, timelines of hashtags, and what was imported."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Spelt out again, not taken from `tables`: a revision says what it did on its day, for ever.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "users",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("username_key", KEY, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("password_hash", sa.Text),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("username_key", name="uq_users_username_key"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("current", sa.LargeBinary, nullable=False),
        sa.Column("previous", sa.LargeBinary),
        sa.Column("rotated_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_table(
        "session_tokens",
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("session_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_session_tokens"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "posts",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("owner_id", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("edited_at", sa.BigInteger),
        sa.Column("deleted_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
    )
    is_live = sa.text("deleted_at IS NULL")
    op.create_index(
        "ix_posts_live", "posts", ["id"], postgresql_where=is_live, sqlite_where=is_live
    )
    op.create_index(
        "ix_posts_owner_live",
        "posts",
        ["owner_id", "id"],
        postgresql_where=is_live,
        sqlite_where=is_live,
    )
    op.create_table(
        "post_hashtags",
        sa.Column("name", KEY, nullable=False),
        sa.Column("post_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", "post_id", name="pk_post_hashtags"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_post_hashtags_post_id", "post_hashtags", ["post_id"])
    op.create_table(
        "imports",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_imports"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them, and all that they hold."""
    for table in ("imports", "post_hashtags", "posts", "session_tokens", "sessions", "users"):
        op.drop_table(table)
