"""The tables of the ledger, alike in SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()

CASES = sa.Table(
    "cases",
    METADATA,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),  # how many events made it: what a writer must have seen
    sa.Column("finding_id", sa.String, nullable=False, index=True),  # the one that opened it
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("subject_layer", sa.String, nullable=False),
    sa.Column("subject_id", sa.String, nullable=False),
    sa.Column("subject_name", sa.String, nullable=False),
    sa.Column("object_id", sa.String, nullable=False),
    sa.Column("found_on", sa.Date, nullable=False),
    sa.Column("due_on", sa.Date),
    sa.Column("lead", sa.String, nullable=False),
    sa.Column("seen", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False, index=True),
    sa.Column("assigned_lead", sa.String),
    sa.Column("assigned_due_on", sa.Date),
    sa.Column("person", sa.String),
    sa.Column("handling", sa.String),
    sa.Column("measures", sa.String),
    sa.Column("progress", sa.String),
    sa.Column("done_on", sa.Date),
    sa.Column("note", sa.String),
    sa.Column("merged_into", sa.String),
    sa.Column("machine_on", sa.Date),  # the day of the last event of each side: neither goes back in time
    sa.Column("human_on", sa.Date),
)

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("happened_on", sa.Date, nullable=False, index=True),
    sa.Column("recorded_at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("changes", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("second_person", sa.String, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)

# One row: what the last event is. An event cut off the end would leave a chain that is whole but shorter.
CHAIN = sa.Table(
    "chain",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)


def _told_columns() -> list[sa.Column[Any]]:
    """Return the columns of what a run said of one finding."""
    return [
        sa.Column(
            "outcome", sa.String, nullable=False
        ),  # hit, needs_review, near; clear or not_assessed once it is gone
        sa.Column("sentence_zh", sa.Text, nullable=False),
        sa.Column("sentence_en", sa.Text, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("lead", sa.String, nullable=False),
        sa.Column("measure", sa.Float),
        sa.Column("margin", sa.Float),
        sa.Column("threshold", sa.Float),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("object_class", sa.String, nullable=False),
        sa.Column("stated_due_on", sa.Date),
        sa.Column("classes", sa.Text, nullable=False),  # codes of both sides, JSON
        sa.Column("rule_version", sa.String, nullable=False),
        sa.Column("subject_version", sa.String, nullable=False),
        sa.Column("object_version", sa.String, nullable=False),
        sa.Column("subject_digest", sa.String, nullable=False),  # of the geometry, the key of `shapes`; empty: none
        sa.Column("object_digest", sa.String, nullable=False),
        sa.Column("subject_row", sa.String, nullable=False),  # digest of the attributes; empty: not in its layer
        sa.Column("object_row", sa.String, nullable=False),
    ]


# What the last run said of each finding there ever was, and the case it belongs to.
FINDINGS = sa.Table(
    "findings",
    METADATA,
    sa.Column("finding_id", sa.String, primary_key=True),
    sa.Column("case_id", sa.String, index=True),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("subject_layer", sa.String, nullable=False),
    sa.Column("subject_id", sa.String, nullable=False),
    sa.Column("subject_name", sa.String, nullable=False),
    sa.Column("object_layer", sa.String, nullable=False),
    sa.Column("object_id", sa.String, nullable=False),
    sa.Column("first_run", sa.Integer, nullable=False),
    sa.Column("last_run", sa.Integer, nullable=False),  # the last one that found it
    sa.Column("seen", sa.String, nullable=False),
    *_told_columns(),
)

# What was said of a finding from a run on, until its next row: a row only where something changed.
FINDING_VERSIONS = sa.Table(
    "finding_versions",
    METADATA,
    sa.Column("finding_id", sa.String, primary_key=True),
    sa.Column("run_id", sa.Integer, primary_key=True, autoincrement=False),
    *_told_columns(),
)

# Each geometry once: one zone may have a part in thousands of findings.
SHAPES = sa.Table(
    "shapes",
    METADATA,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("wkb", sa.LargeBinary, nullable=False),
)

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("run_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("judged_on", sa.Date, nullable=False),
    sa.Column("recorded_at", sa.String, nullable=False),
    sa.Column("program", sa.String, nullable=False),
    sa.Column("crs", sa.String, nullable=False),
    sa.Column("rules_version", sa.String, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),  # versions of the rules judged, JSON
    sa.Column("layers", sa.Text, nullable=False),  # versions by layer, JSON
    sa.Column("counts", sa.Text, nullable=False),
)

DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("decision_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("finding_id", sa.String, nullable=False, index=True),
    sa.Column("decided_on", sa.Date, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("second_person", sa.String, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("tolerance_m", sa.Float, nullable=False),
    sa.Column("subject_digest", sa.String, nullable=False),
    sa.Column("object_digest", sa.String, nullable=False),
    sa.Column("is_standing", sa.Boolean, nullable=False),
    sa.Column("ended_on", sa.Date),
    sa.Column("ended_because", sa.Text, nullable=False),
)

PEOPLE = sa.Table(
    "people",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("office", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
)

FILES = sa.Table(
    "files",
    METADATA,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("media_type", sa.String, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("taken_at", sa.String, nullable=False),
    sa.Column("longitude", sa.Float),
    sa.Column("latitude", sa.Float),
    sa.Column("remarks", sa.Text, nullable=False),
)

# The register of what left the house: packages, and what was countersigned for them. Rows are added, never changed.
PUBLICATIONS = sa.Table(
    "publications",
    METADATA,
    sa.Column("publication_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.Integer, nullable=False, unique=True),  # its place in the chain, shared with receipts
    sa.Column("package", sa.String, nullable=False, unique=True),
    sa.Column("profile", sa.String, nullable=False, index=True),
    sa.Column("title_zh", sa.Text, nullable=False),
    sa.Column("title_en", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("audience", sa.String, nullable=False),
    sa.Column("published_on", sa.Date, nullable=False),
    sa.Column("recorded_at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("program", sa.String, nullable=False),
    sa.Column("sums_sha256", sa.String, nullable=False, unique=True),  # of SHA256SUMS: what the package is
    sa.Column("fingerprint", sa.String, nullable=False),  # of the key it is signed with; empty: not signed
    sa.Column("told", sa.Text, nullable=False),  # layers with versions and counts, permissions, difference; JSON
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)

PUBLICATION_RECEIPTS = sa.Table(
    "publication_receipts",
    METADATA,
    sa.Column("receipt_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.Integer, nullable=False, unique=True),
    sa.Column("publication_no", sa.Integer, nullable=False, index=True),
    sa.Column("received_by", sa.Text, nullable=False),
    sa.Column("received_on", sa.Date, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # the countersigned paper: its number or file
    sa.Column("recorded_at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("previous_hash", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)

# One row, as `chain`: what the last entry of the register is.
PUBLICATION_CHAIN = sa.Table(
    "publication_chain",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)

MACHINE_FIELDS = (
    "finding_id",
    "rule",
    "subject_layer",
    "subject_id",
    "subject_name",
    "object_id",
    "found_on",
    "due_on",
    "lead",
    "seen",
)
HUMAN_FIELDS = (
    "status", "assigned_lead", "assigned_due_on", "person", "handling", "measures", "progress", "done_on", "note", "merged_into",
)  # fmt: skip
FIELDS = (*MACHINE_FIELDS, *HUMAN_FIELDS)
DATES = tuple(c.name for c in CASES.columns if isinstance(c.type, sa.Date))
