"""Users who are deleted, their own deleted posts for users, requests under idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column and the index, and make the new tables."""
    op.add_column("users", sa.Column("deleted_at", sa.BigInteger))
    is_deleted = sa.column("deleted_at").is_not(None)
    op.create_index(
        "ix_posts_owner_deleted",
        "posts",
        ["owner_id", "deleted_at", "id"],
        postgresql_where=is_deleted,
        sqlite_where=is_deleted,
    )
    op.create_table(
        "deleted_users",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_deleted_users"),
    )
    op.create_table(
        "idempotent_requests",
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name="pk_idempotent_requests"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_idempotent_requests_made_at", "idempotent_requests", ["made_at"])


def downgrade() -> None:
    """Drop them, and all that they hold. Users who are deleted cannot come back."""
    op.drop_table("idempotent_requests")
    op.drop_table("deleted_users")
    op.drop_index("ix_posts_owner_deleted", "posts")
    op.drop_column("users", "deleted_at")
