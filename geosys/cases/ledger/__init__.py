"""The ledger: cases as the sum of their events, in SQLite or PostgreSQL; the one door to SQLAlchemy and Alembic."""
