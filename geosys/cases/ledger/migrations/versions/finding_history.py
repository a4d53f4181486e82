"""Findings get a history, each geometry is kept once, and runs say which rules they judged by.

The tables replaced here were made by the step before and never written.
"""

import sqlalchemy as sa
from alembic import op

from geosys.cases.ledger.tables import METADATA

revision = "0003"
down_revision = "0002"
_REPLACED = ("findings", "runs", "decisions")


def upgrade() -> None:
    """Make the tables of findings, runs and decisions as they are now."""
    connection = op.get_bind()
    there = sa.inspect(connection)
    for name in _REPLACED:
        if there.has_table(name):
            op.drop_table(name)
    METADATA.create_all(connection)
