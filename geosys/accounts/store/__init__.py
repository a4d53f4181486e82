"""Where accounts are kept: a SQLite file in the workspace, or PostgreSQL by URL. The one door to SQLAlchemy outside the ledger."""
