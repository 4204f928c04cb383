"""Where a synthetic image comes from: the record, its seed, and its XMP packet."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any
from xml.sax.saxutils import quoteattr

__all__ = ["DIGITAL_SOURCE_TYPE", "Provenance", "edited_xmp", "latent_seed", "xmp_packet"]

DIGITAL_SOURCE_TYPE = {
    # IPTC NewsCodes, scheme "digitalsourcetype".
    "gan": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    "classical": "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced",
    "composite": (
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    ),
    "covered": "http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The facts about one synthetic image.

    Args:
        kind: ``"gan"`` (drawn by the generator) or ``"classical"`` (an augmented real image).
        class_name: the class it was made for.
        index: its number inside the class, from 0.
        latent_seed: 63-bit seed of its latent (or of its augmentation); see `latent_seed`.
        generator: SHA-256 of the generator's weights; empty for classical images.
        recipe: name of the training recipe, or of the classical pipeline.
        version: version of synthaug.
        attempts: draws until this one was accepted, at least 1.
        nearest_distance: feature distance to the nearest training image; None if not measured.
        nearest_name: name of that training image (private: not in the PNG, not in the
            shareable report). For classical images the real image it was made from.
        tool: how the picture was made of several draws, or its latent moved, e.g.
            ``"interpolate: images 0, 3 of seed 1"``; empty for one plain draw.
        gates: verdict of each per-image gate, gate name to PASS, FAIL or INCONCLUSIVE.
    """

    kind: str
    class_name: str
    index: int
    latent_seed: int
    generator: str = ""
    recipe: str
    version: str
    attempts: int = 1
    nearest_distance: float | None = None
    nearest_name: str | None = None
    tool: str = ""
    gates: dict[str, str] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Provenance:
        """The inverse of `to_dict`."""
        return cls(**fields)


def latent_seed(seed: int, class_name: str, index: int) -> int:
    """The 63-bit seed of one image: a function of run seed, class name and draw index only.

    So more draws never change earlier ones, in whatever order or batch they are made.

    Example:
        >>> latent_seed(0, "fray", 3) == latent_seed(0, "fray", 3) != latent_seed(0, "fray", 4)
        True
    """
    digest = hashlib.sha256(f"{seed}\0{class_name}\0{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def xmp_packet(provenance: Provenance) -> str:
    """The XMP packet of a synthetic image, IPTC ``DigitalSourceType`` included.

    Everything of the record except ``nearest_name`` (it would name a private file).

    Source: IPTC Photo Metadata Standard 2023.2, property "Digital Source Type";
    XMP specification part 1 (ISO 16684-1).
    """
    facts = {k: v for k, v in provenance.to_dict().items() if k != "nearest_name"}
    return _packet(provenance.kind, provenance.version, "provenance", facts)


def edited_xmp(kind: str, version: str, facts: dict[str, Any]) -> str:
    """The XMP packet of a real picture or video in which parts were replaced.

    Args:
        kind: ``"composite"`` where parts were generated, ``"covered"`` where none was.
        version: of synthaug.
        facts: what was done, JSON-ready.

    Source: IPTC NewsCodes, "compositeWithTrainedAlgorithmicMedia"; XMP specification part 1.
    """
    return _packet(kind, version, "anonymized", facts)


def _packet(kind: str, version: str, name: str, facts: dict[str, Any]) -> str:
    source = DIGITAL_SOURCE_TYPE[kind]
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:synthaug="urn:synthaug:provenance:1"'
        f" Iptc4xmpExt:DigitalSourceType={quoteattr(source)}"
        f" xmp:CreatorTool={quoteattr('synthaug ' + version)}"
        f" synthaug:{name}={quoteattr(json.dumps(facts, sort_keys=True))}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )
