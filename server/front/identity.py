"""Who is calling, and how often."""

from __future__ import annotations

import time
from collections.abc import Mapping

import grpc

from synthaug_server.refusal import Refused
from synthaug_server.store.access import LOCAL, Access, Principal, Role

__all__ = ["Identities", "Rates", "refuse_unless"]

_SECONDS = 2.0  # of calls at the full rate that may come at once
_OWNERS = 10_000


class Identities:
    """Recognises callers by token or by client certificate.

    Args:
        access: the store's entries.
        loopback: the server can be reached from this machine only.
        require_token: nobody may call without one, even so.
        certificates: clients show certificates.
    """

    def __init__(
        self, access: Access, *, loopback: bool, require_token: bool, certificates: bool
    ) -> None:
        self._access = access
        self._may_be_open = loopback and not require_token and not certificates
        self._certificates = certificates

    def caller(
        self, metadata: Mapping[str, str | bytes], context: grpc.aio.ServicerContext
    ) -> Principal:
        """Who calls.

        Raises:
            Refused: UNAUTHENTICATED.
        """
        told = metadata.get("authorization")
        if told is not None:
            kind, _, token = str(told).partition(" ")
            found = self._access.holder_of(token.strip()) if kind.lower() == "bearer" else None
            if found is None:
                raise _unknown("TOKEN_INVALID", "the token is not one of this server's, or expired")
            return found
        if self._certificates:
            names = context.auth_context().get("x509_common_name", ())
            for name in names:
                found = self._access.named(name.decode(errors="replace"))
                if found is not None:
                    return found
            raise _unknown(
                "CERTIFICATE_UNKNOWN",
                "this certificate's common name has no entry; the server's operator adds one with "
                "synthaug serve tokens add --certificate",
            )
        if self._may_be_open and not self._access.any():
            return LOCAL
        raise _unknown(
            "TOKEN_MISSING", 'send metadata "authorization: Bearer TOKEN" with a token of yours'
        )


def _unknown(reason: str, message: str) -> Refused:
    return Refused(grpc.StatusCode.UNAUTHENTICATED, reason, message)


def refuse_unless(principal: Principal, role: Role) -> None:
    """Refuse a caller whose role does not reach.

    Raises:
        Refused: PERMISSION_DENIED.
    """
    if principal.role < role:
        raise Refused(
            grpc.StatusCode.PERMISSION_DENIED, "ROLE_TOO_LOW",
            f"this needs role {role.name.lower()}; the token has {principal.role.name.lower()}",
            facts={"needed": role.name.lower(), "role": principal.role.name.lower()},
        )  # fmt: skip


class Rates:
    """A bucket of calls for each owner, filled at a steady rate.

    Args:
        rate: calls a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * _SECONDS)
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, owner: str) -> None:
        """Take one call out.

        Raises:
            Refused: RESOURCE_EXHAUSTED with the time until there is one.
        """
        now = time.monotonic()
        left, then = self._buckets.get(owner, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        if left < 1:
            self._buckets[owner] = (left, now)
            raise Refused(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_QUOTA",
                "this owner calls more often than the server allows", facts={
                    "calls_per_second": f"{self._rate:g}"
                }, retry_seconds=(1 - left) / self._rate,
            )  # fmt: skip
        if len(self._buckets) >= _OWNERS:
            self._buckets.clear()
        self._buckets[owner] = (left - 1, now)
