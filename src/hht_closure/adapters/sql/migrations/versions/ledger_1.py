"""The ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ledger_1"
down_revision = None
branch_labels = ("ledger",)
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "hht_closure_ledger",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("stream", sa.Text(collation="C"), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text()),
        sa.Column("sealed_account", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("stream", "round", "kind", "subject", name="hht_closure_ledger_about"),
    )
