"""The first ledger: one table of cases, one of events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the two tables as the first version of GeoSys had them."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String, primary_key=True),
        sa.Column("finding_id", sa.String, unique=True, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("subject_layer", sa.String, nullable=False),
        sa.Column("subject_id", sa.String, nullable=False),
        sa.Column("subject_name", sa.String, nullable=False),
        sa.Column("object_id", sa.String, nullable=False),
        sa.Column("found_on", sa.Date, nullable=False),
        sa.Column("due_on", sa.Date),
        sa.Column("lead", sa.String, nullable=False),
        sa.Column("seen", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("assigned_lead", sa.String),
        sa.Column("assigned_due_on", sa.Date),
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.String, sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("happened_on", sa.Date, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("move", sa.String, nullable=False),
        sa.Column("before", sa.String, nullable=False),
        sa.Column("after", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("evidence", sa.String, nullable=False),
        sa.Column("second_person", sa.String, nullable=False),
    )
