"""Who may call: tokens, hashed, and names in client certificates, each an owner and a role."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import re
import secrets
import time

from synthaug.errors import InputError
from synthaug_server.store.database import Database

__all__ = ["LOCAL", "Access", "Grant", "Principal", "Role"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS grants (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, secret TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    role TEXT NOT NULL, created REAL NOT NULL, expires REAL
);
"""
_OWNER = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PREFIX = "synthaug_"


class Role(enum.IntEnum):
    """What a caller may do; each role may do what those before it may."""

    VIEWER = 1  # look at what belongs to the owner
    SUBMITTER = 2  # send, start, cancel and delete what belongs to the owner
    OPERATOR = 3  # list, cancel and delete everyone's jobs; not read their artifacts


@dataclasses.dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was recognised.

    Args:
        owner: whom what it makes belongs to.
        role: what it may do.
        grant: id of the token or certificate entry.
    """

    owner: str
    role: Role
    grant: str

    @property
    def actor(self) -> str:
        """The same for the audit log."""
        return f"{self.owner}/{self.grant}"


LOCAL = Principal("local", Role.OPERATOR, "loopback")


@dataclasses.dataclass(frozen=True, slots=True)
class Grant:
    """One entry, without its secret.

    Args:
        id: for `Access.remove`.
        kind: ``"token"`` or ``"certificate"``.
        owner: see `Principal`.
        role: see `Principal`.
        created: seconds since 1970.
        expires: likewise; None: never.
    """

    id: str
    kind: str
    owner: str
    role: Role
    created: float
    expires: float | None


class Access:
    """The entries; the server and the command line open it at once.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_token(self, owner: str, role: str, *, days: float | None = None) -> tuple[Grant, str]:
        """A new token, shown this once: only its SHA-256 is kept.

        Raises:
            InputError: a name or role that cannot be.
        """
        # 256 random bits: nothing slower than SHA-256 makes them harder to guess.
        token = _PREFIX + secrets.token_urlsafe(32)
        return self._add("token", _hash(token), owner, role, days), token

    def add_certificate(
        self, common_name: str, owner: str, role: str, *, days: float | None = None
    ) -> Grant:
        """Let in a client whose certificate, signed by ``--client-ca``, has this common name.

        Raises:
            InputError: a name or role that cannot be, or the name is there already.
        """
        if not common_name or len(common_name) > 200:
            raise InputError(
                "common name", expected="1 to 200 characters", got=str(len(common_name)),
                remedy="Give the CN of the client's certificate.",
            )  # fmt: skip
        return self._add("certificate", f"cn:{common_name}", owner, role, days)

    def _add(self, kind: str, secret: str, owner: str, role: str, days: float | None) -> Grant:
        if _OWNER.fullmatch(owner) is None:
            raise InputError(
                "owner", expected="small letters, digits and hyphens, at most 63", got=owner[:80],
                remedy="Choose a name such as team-a.",
            )  # fmt: skip
        if role.upper() not in Role.__members__:
            raise InputError(
                "role", expected="viewer, submitter or operator", got=role,
                remedy="Choose one of these.",
            )  # fmt: skip
        if days is not None and not 0 < days < 36500:
            raise InputError(
                "days", expected="above 0, below 36500", got=str(days),
                remedy="Leave it out for an entry without an end.",
            )  # fmt: skip
        now = time.time()
        end = None if days is None else now + days * 86400
        grant = Grant(secrets.token_hex(4), kind, owner, Role[role.upper()], now, end)
        changed = self._database.write(
            "INSERT OR IGNORE INTO grants VALUES (?, ?, ?, ?, ?, ?, ?)",
            grant.id, kind, secret, owner, grant.role.name, now, end,
        )  # fmt: skip
        if not changed:
            raise InputError(
                "common name", expected="one that has no entry", got="one that has",
                remedy="Remove the other entry first: synthaug serve tokens ls.",
            )  # fmt: skip
        return grant

    def remove(self, grant: str) -> Grant:
        """Shut out the holder of an entry, from the next call on.

        Raises:
            InputError: no such entry.
        """
        for entry in self.entries():
            if entry.id == grant:
                self._database.write("DELETE FROM grants WHERE id = ?", grant)
                return entry
        raise InputError(
            "token", expected="the id of an entry", got=grant[:80],
            remedy="synthaug serve tokens ls shows them.",
        )  # fmt: skip

    def entries(self) -> list[Grant]:
        """All entries, oldest first."""
        rows = self._database.rows("SELECT * FROM grants ORDER BY created, id")
        return [
            Grant(r["id"], r["kind"], r["owner"], Role[r["role"]], r["created"], r["expires"])
            for r in rows
        ]

    def any(self, kind: str | None = None) -> bool:
        """Whether there are entries (of a kind)."""
        if kind is None:
            return self._database.row("SELECT 1 FROM grants LIMIT 1") is not None
        return self._database.row("SELECT 1 FROM grants WHERE kind = ? LIMIT 1", kind) is not None

    def holder_of(self, token: str) -> Principal | None:
        """Whose token this is; None where nobody's or its time is over."""
        return self._principal(_hash(token))

    def named(self, common_name: str) -> Principal | None:
        """Whom a client certificate stands for."""
        return self._principal(f"cn:{common_name}")

    def _principal(self, secret: str) -> Principal | None:
        row = self._database.row(
            "SELECT owner, role, id FROM grants WHERE secret = ?"
            " AND (expires IS NULL OR expires > ?)",
            secret, time.time(),
        )  # fmt: skip
        return Principal(row["owner"], Role[row["role"]], row["id"]) if row else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
