"""What speaks against a track being a face, in words; a doubtful one is covered, not dropped."""

from __future__ import annotations

from collections.abc import Sequence

from synthaug.faces.tracks import Track

__all__ = ["doubts_of"]

_STRONG = 0.8  # score from which one detector alone is believed, seen often enough
_OFTEN = 5
_FEW = 3


def doubts_of(each: Track, names: Sequence[str]) -> list[str]:
    """Why a track may be no face; empty where detectors agree in space or sights in time.

    Args:
        each: the track.
        names: of the detectors, in the order of their bits.
    """
    if each.agreed >= 2:
        return []
    seen = each.detected
    doubts = []
    if not each.agreed and (seen < _OFTEN or each.best < _STRONG):
        alone = " and ".join(
            name for bit, name in enumerate(names) if any(bits >> bit & 1 for bits in each.by)
        )
        doubts.append(f"only {alone} took it for a face, at best with {each.best:.2f}")
    if seen < _FEW:
        doubts.append(f"seen in {seen} frame{'s' if seen > 1 else ''} only")
    return doubts
