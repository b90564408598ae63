"""Tallies of live posts; empty at first, the next roll-up counts what there is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# They are small and change all the time: what is dead in them should not be in the way for long.
EAGER = "SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)"


def upgrade() -> None:
    """Make the tables."""
    watermark = op.create_table(
        "watermark",
        sa.Column("one", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("folded", sa.BigInteger, nullable=False),
        sa.Column("announced", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("one", name="pk_watermark"),
    )
    op.bulk_insert(watermark, [{"one": 1, "folded": 0, "announced": 0}])
    op.create_table(
        "tallies",
        sa.Column("list", KEY, nullable=False),
        sa.Column("live", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("list", name="pk_tallies"),
        sqlite_with_rowid=False,
    )
    is_of_hashtag = sa.text("substr(list, 1, 1) = '#'")
    op.create_index(
        "ix_tallies_hashtags",
        "tallies",
        [sa.column("live").desc(), "list"],
        postgresql_where=is_of_hashtag,
        sqlite_where=is_of_hashtag,
    )
    op.create_table(
        "marks",
        sa.Column("list", KEY, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("first_id", sa.BigInteger, nullable=False),
        sa.Column("live", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("list", "level", "first_id", name="pk_marks"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "changes",
        sa.Column("list", KEY, nullable=False),
        sa.Column("post_id", sa.BigInteger, nullable=False),
        sa.Column("delta", sa.SmallInteger, nullable=False),
    )
    op.create_index("ix_changes_list_post_id", "changes", ["list", "post_id", "delta"])
    if op.get_context().dialect.name == "postgresql":
        for table in ("tallies", "marks", "changes"):
            op.execute(f"ALTER TABLE {table} {EAGER}")


def downgrade() -> None:
    """Drop them; all they hold can be counted again."""
    for table in ("changes", "marks", "tallies", "watermark"):
        op.drop_table(table)
