"""Changes tell how far the watermark was announced to move, and are found by that.

Those that are there, and those that a program of before writes, come after all announcements.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MAX_ID = "9007199254740991"


def upgrade() -> None:
    """Add the column, and exchange the index."""
    announced = sa.Column(
        "announced", sa.BigInteger, nullable=False, server_default=sa.text(MAX_ID)
    )
    op.add_column("changes", announced)
    op.drop_index("ix_changes_list_post_id", "changes")
    columns = ["list", "announced", "post_id", "delta"]
    op.create_index("ix_changes_list_announced", "changes", columns)
    op.create_index("ix_changes_announced", "changes", ["announced", "list", "post_id", "delta"])


def downgrade() -> None:
    """Exchange the index, and drop the column."""
    op.drop_index("ix_changes_announced", "changes")
    op.drop_index("ix_changes_list_announced", "changes")
    op.create_index("ix_changes_list_post_id", "changes", ["list", "post_id", "delta"])
    op.drop_column("changes", "announced")
