"""The tables of accounts, alike in SQLite and PostgreSQL; moments are UTC texts that sort as they follow each other."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

VERSION = 1  # of these tables: a program refuses those of a newer one
METADATA = sa.MetaData()

ABOUT = sa.Table(
    "accounts_about",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
)

ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("folded", sa.String, nullable=False, unique=True),  # two names that look alike are one
    sa.Column("role", sa.String, nullable=False),
    sa.Column("offices", sa.Text, nullable=False),  # JSON lists
    sa.Column("counties", sa.Text, nullable=False),
    sa.Column("audience", sa.String, nullable=False),
    sa.Column("password", sa.Text),  # argon2id; none: tokens only
    sa.Column("is_locked", sa.Boolean, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

TOKENS = sa.Table(
    "tokens",
    METADATA,
    sa.Column("token_id", sa.String, primary_key=True),  # what people call it by: no part of the secret
    sa.Column("digest", sa.String, nullable=False, unique=True),
    sa.Column("account", sa.String, nullable=False, index=True),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("expires_at", sa.String, nullable=False),
    sa.Column("used_at", sa.String),
    sa.Column("revoked_at", sa.String),
)

SESSIONS = sa.Table(
    "sessions",
    METADATA,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("account", sa.String, nullable=False, index=True),
    sa.Column("begun_at", sa.String, nullable=False),
    sa.Column("used_at", sa.String, nullable=False),
)

FAILURES = sa.Table(
    "failures",
    METADATA,
    sa.Column("kind", sa.String, primary_key=True),  # account or address
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("last_at", sa.String, nullable=False, index=True),
    sa.Column("refused_until", sa.String, nullable=False),
)

ACCESS_LOG = sa.Table(
    "access_log",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String, nullable=False, index=True),
    sa.Column("who", sa.String, nullable=False, index=True),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("layer", sa.String, nullable=False),
    sa.Column("filter", sa.Text, nullable=False),
    sa.Column("rows", sa.Integer),  # None: not known, as of a picture
    sa.Column("format", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),
    sa.Column("request_id", sa.String, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice
)

# The log is added to and never changed, not by this program either.
GUARDS = {
    "sqlite": tuple(
        f"CREATE TRIGGER access_log_no_{word} BEFORE {word} ON access_log BEGIN SELECT RAISE(ABORT, 'access_log is only added to'); END"
        for word in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        """CREATE FUNCTION access_log_stays() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'access_log is only added to'; END $$""",
        """CREATE TRIGGER access_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log
        FOR EACH STATEMENT EXECUTE FUNCTION access_log_stays()""",
    ),
}


def moment(now: dt.datetime) -> str:
    """Return a moment as it is kept.

    Raises
    ------
    ValueError
        When it has no time zone.

    Examples
    --------
    >>> moment(dt.datetime(2026, 9, 30, 8, 0, tzinfo=dt.timezone(dt.timedelta(hours=8))))
    '2026-09-30T00:00:00.000000Z'
    """
    if now.tzinfo is None:
        raise ValueError("moment: got one without a time zone, expected one with.")
    return f"{now.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def since(kept: str, now: dt.datetime) -> float:
    """Return how many seconds lie between a moment that was kept and now."""
    then = dt.datetime.strptime(kept, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=dt.UTC)
    return (now - then).total_seconds()
