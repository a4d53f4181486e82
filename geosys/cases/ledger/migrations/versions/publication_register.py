"""What left the house gets a register: packages, their receipts, and the end of the chain they make."""

from alembic import op

from geosys.cases.ledger.tables import METADATA

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables of the register; a ledger that was made by this program has them already."""
    METADATA.create_all(op.get_bind())
