"""What speaks against a track being a face, in words; a doubtful one is covered, not dropped."""

from __future__ import annotations

from collections.abc import Sequence

from synthaug.faces.tracks import Track

__all__ = ["doubts_of"]

_FACE = 0.7  # a tenth of a real face's sights score this much, on the clips we have
_ALONE = 0.8  # the same where one detector alone saw it
_OFTEN = 5
_FEW = 3


def doubts_of(each: Track, names: Sequence[str]) -> list[str]:
    """Why a track may be no face; empty where detectors agree in space or sights in time.

    Coats of arms, fists and flowers are seen as long and as often as faces, by several
    detectors even, but hardly ever surely.

    Args:
        each: the track.
        names: of the detectors, in the order of their bits.
    """
    doubts = []
    seen, strength = each.detected, each.strength
    if strength < _FACE:
        doubts.append(f"never looked much like a face: {strength:.2f} of 1")
    if not each.agreed and (seen < _OFTEN or strength < _ALONE):
        alone = [name for bit, name in enumerate(names) if any(bits >> bit & 1 for bits in each.by)]
        doubts.append(f"only {' or '.join(alone)} took it for a face, never both at once"
                      if len(alone) > 1 else f"only {alone[0]} took it for a face")  # fmt: skip
    if seen < _FEW and seen < len(each.spots):
        doubts.append(f"seen in {seen} of {len(each.spots)} frames")
    return doubts
