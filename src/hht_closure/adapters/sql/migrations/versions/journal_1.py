"""The journal, the budgets and the tombstones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "journal_1"
down_revision = None
branch_labels = ("journal",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "hht_closure_stream",
        sa.Column("name", sa.Text(collation="C"), primary_key=True),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column(
            "opened_at",
            sa.BigInteger(),
            nullable=False,
            comment="the last entry that opens a round, or 0",
        ),
        sa.Column("due", sa.BigInteger()),
        sa.Column("was_due", sa.Boolean(), nullable=False, comment="due when it was written, by the clock of then"),
        sa.Column("fence", sa.BigInteger(), nullable=False, server_default="0", comment="the last one given, or 0"),
        sa.Column("leased_at", sa.BigInteger()),
        sa.Column("lease_expires", sa.BigInteger()),
        sa.Column(
            "takeovers",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="leases in a row that ended without being given back",
        ),
    )
    op.create_index(
        "hht_closure_stream_due", "hht_closure_stream", ["due", "name"], postgresql_where=sa.text("due IS NOT NULL")
    )
    op.create_index("hht_closure_stream_was_due", "hht_closure_stream", ["due"], postgresql_where=sa.text("was_due"))
    op.create_table(
        "hht_closure_entry",
        sa.Column("stream", sa.Text(collation="C"), sa.ForeignKey("hht_closure_stream.name"), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("opens", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "hht_closure_taking",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("taker", sa.Text(collation="C"), nullable=False),
    )
    op.create_index("hht_closure_taking_key", "hht_closure_taking", ["name", "key", "at"])
    op.create_index("hht_closure_taking_ends", "hht_closure_taking", ["ends"])
    op.create_table(
        "hht_closure_tombstone",
        sa.Column("digest", sa.Text(collation="C"), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_index("hht_closure_tombstone_until", "hht_closure_tombstone", ["until"])
