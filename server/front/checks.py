"""Checks of requests: all wrong fields of a message are told at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import re
from typing import Any

import grpc

from synthaug_server.names import identifier_in
from synthaug_server.refusal import Refused, invalid

__all__ = ["Checks", "Pages", "page_size"]

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.I)
_DEFAULT_PAGE, _LARGEST_PAGE = 50, 500


class Checks:
    """Collects what is wrong with a request."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def need(self, holds: bool, field: str, expected: str) -> bool:
        """Note a field that is not as expected; gives back whether it is."""
        if not holds:
            self._fields.setdefault(field, f"expected {expected}")
        return holds

    def request_id(self, text: str) -> None:
        """Note a request_id that is no UUID version 4."""
        self.need(_UUID4.fullmatch(text) is not None, "request_id", "a UUID version 4")

    def name(self, text: str, collection: str, field: str) -> str:
        """The identifier in a resource name; empty and noted where it is none."""
        try:
            return identifier_in(text, collection, field)
        except Refused as refused:
            self._fields.setdefault(field, refused.fields[field])
            return ""

    def finite(self, number: float, low: float, high: float, field: str) -> None:
        """Note a number outside an interval, or none at all."""
        holds = math.isfinite(number) and low <= number <= high
        self.need(holds, field, f"{low:g} to {high:g}")

    def text(self, text: str, field: str, *, longest: int = 200) -> None:
        """Note a text that could be part of a path, or does not print."""
        holds = (
            0 < len(text.encode(errors="replace")) <= longest
            and text.isprintable()
            and not set(text) & set('/\\:*?"<>|\0')
            and text.strip(". ") == text.strip()
            and text.strip() == text
        )
        self.need(
            holds, field,
            f"1 to {longest} bytes of printing characters without / \\ : * ? \" < > |",
        )  # fmt: skip

    def done(self) -> None:
        """Refuse the request if anything was noted.

        Raises:
            Refused: INVALID_ARGUMENT with BadRequest.
        """
        if self._fields:
            told = [f"{field}: {what}" for field, what in list(self._fields.items())[:3]]
            if len(self._fields) > 3:
                told.append(f"and {len(self._fields) - 3} more")
            raise Refused(
                grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "; ".join(told),
                fields=self._fields,
            )  # fmt: skip


def page_size(asked: int) -> int:
    """Entries on a page: 0 is the default, more than the largest is the largest.

    Raises:
        Refused: negative.
    """
    if asked < 0:
        raise invalid("page_size", "expected 0 or more")
    return min(asked or _DEFAULT_PAGE, _LARGEST_PAGE)


class Pages:
    """Page tokens that only this server can make, for one caller and one question.

    Args:
        key: secret of the store.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, question: tuple[Any, ...], place: tuple[Any, ...]) -> str:
        """The token of the page after a place."""
        text = json.dumps(place).encode()
        return base64.urlsafe_b64encode(self._seal(question, text) + text).decode().rstrip("=")

    def place(self, question: tuple[Any, ...], token: str) -> tuple[Any, ...] | None:
        """The place a token stands for; None for the empty one.

        Raises:
            Refused: not one of ours, or of another question.
        """
        if not token:
            return None
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (ValueError, UnicodeEncodeError):
            raw = b""
        seal, text = raw[:16], raw[16:]
        if not text or not hmac.compare_digest(seal, self._seal(question, text)):
            raise invalid("page_token", "expected next_page_token of the same call")
        return tuple(json.loads(text))

    def _seal(self, question: tuple[Any, ...], text: bytes) -> bytes:
        asked = json.dumps(question).encode()
        return hmac.digest(self._key, hashlib.sha256(asked).digest() + text, "sha256")[:16]
