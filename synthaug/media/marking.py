"""The mark that says what is in a file: read by people, by machines, and by us again."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug.provenance import DIGITAL_SOURCE_TYPE, edited_xmp

__all__ = ["XMP_BOX", "Mark", "append_mark", "is_marked", "is_own_packet", "tags"]

XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_OURS = b"urn:synthaug:provenance"
_ANONYMIZED = b"synthaug:anonymized"
_NEAR = 1 << 18
_TOLD = re.compile(
    r"""CreatorTool=["']synthaug (?P<version>[^"' ]{1,40})["'] """
    r"""synthaug:anonymized=(?P<quote>["'])(?P<facts>.*?)(?P=quote)/>"""
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mark:
    """What a file says about itself.

    Args:
        version: of synthaug.
        generated: whether any face in it was generated; else they are covered.
        facts: what was done, JSON-ready; nothing that tells on the source.
    """

    version: str
    generated: bool
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The name in `synthaug.provenance.DIGITAL_SOURCE_TYPE`."""
        return "composite" if self.generated else "covered"

    @property
    def xmp(self) -> bytes:
        """The XMP packet."""
        return edited_xmp(self.kind, self.version, dict(self.facts)).encode()


def tags(mark: Mark, container: str) -> dict[str, str]:
    """Tags for a container's own header; empty where `append_mark` writes the XMP packet."""
    source = DIGITAL_SOURCE_TYPE[mark.kind]
    what = "contains generated faces" if mark.generated else "faces are covered"
    words = f"{what}; {source}; synthaug:anonymized {mark.version}"
    if container in ("matroska", "webm"):
        return {"DIGITAL_SOURCE_TYPE": source, "SYNTHAUG": words}
    if container == "avi":
        return {"comment": words}
    if container == "mpegts":
        return {"service_provider": f"synthaug:anonymized {mark.version}", "service_name": source}
    return {}


def append_mark(path: Path, mark: Mark, container: str) -> None:
    """Add the XMP packet to a finished file, where its format has a place for it at the end."""
    xmp = mark.xmp
    with path.open("r+b") as file:
        file.seek(0, 2)
        if container in ("mp4", "mov", "m4v"):
            file.write(struct.pack(">I4s", 8 + len(XMP_BOX) + len(xmp), b"uuid") + XMP_BOX + xmp)
        elif container == "gif":
            # XMP part 3: an application extension whose end is read as blocks of any length.
            ending = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
            file.seek(-1, 2)
            file.write(b"\x21\xff\x0bXMP DataXMP" + xmp + ending + b"\x3b")
        elif container == "mpeg":
            for at in range(0, len(xmp), 60_000):
                part = xmp[at : at + 60_000]
                file.write(struct.pack(">IH", 0x000001BF, len(part)) + part)


def is_own_packet(packet: str | bytes) -> bool:
    """Whether an XMP packet is one of `Mark.xmp` to the letter, so that nothing else is in it."""
    text = packet.decode(errors="replace") if isinstance(packet, bytes) else packet
    told = _TOLD.search(text)
    if told is None:
        return False
    try:
        facts = json.loads(html.unescape(told["facts"]))
    except ValueError:
        return False
    if not isinstance(facts, dict) or not facts.keys() <= {"faces", "rungs"}:
        return False
    version = html.unescape(told["version"])
    return any(text == edited_xmp(kind, version, facts) for kind in ("composite", "covered"))


def is_marked(path: Path) -> bool:
    """Whether a file says that synthaug has anonymized it."""
    with path.open("rb") as file:
        first = file.read(_NEAR)
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _NEAR))
        last = file.read()
    return any(
        _ANONYMIZED in part and (_OURS in part or b"digitalsourcetype" in part)
        for part in (first, last)
    )
