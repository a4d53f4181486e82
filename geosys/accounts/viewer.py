"""Who asks: a person or a program with a role, the offices and counties it answers for, and the scopes of its token."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("viewer", "editor", "reviewer", "publisher", "administrator")  # each may what those before it may
OPERATIONS = ("read", "edit", "release", "publish", "administer")  # what the roles add, one each


@dataclass(frozen=True, slots=True)
class Viewer:
    """Hold who asks.

    Parameters
    ----------
    name : of the account; empty for somebody without one, who sees what is public.
    role : one of `ROLES`; empty: none.
    offices, counties : ids and codes that the account is bound to; empty: all of them (never for somebody without an account).
    audience : the narrowest disclosure it may see: ``internal`` sees all, ``public`` only what is public.
    scopes : operations that a token is bound to; None: those of the role.
    """

    name: str
    role: str
    offices: frozenset[str] = frozenset()
    counties: frozenset[str] = frozenset()
    audience: str = "public"
    scopes: frozenset[str] | None = None


NOBODY = Viewer(name="", role="")
LOCAL = Viewer(name="local", role="administrator", audience="internal")  # the single user of a service on loopback
