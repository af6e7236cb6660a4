"""The wrapped keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "keys_1"
down_revision = None
branch_labels = ("keys",)
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "hht_closure_key",
        sa.Column("id", sa.Text(collation="C"), primary_key=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("destroyed", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    # A key that was destroyed is swept soon, also where the role that destroys it may not.
    op.execute("ALTER TABLE hht_closure_key SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0)")
