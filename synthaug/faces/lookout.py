"""How hard each frame is looked at: a cheap detector always, a second one where it matters."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.faces.detections import Detections, Detector, closeness, overlap, without_twins
from synthaug.faces.detectors import CenterFace, MTCNNFaces, YuNet
from synthaug.faces.motion import moved
from synthaug.faces.turning import as_stored, seen_turned
from synthaug.weights.registry import find

__all__ = ["Attention", "Lookout", "pooled", "watching_detectors"]

Floats = NDArray[np.float32]

# Columns of what is followed: the box, then when it was seen last and first, looked at closely
# and agreed on.
_SEEN, _BORN, _CHECKED, _AGREED, _WIDTH = 4, 5, 6, 7, 8
_NEVER = -1e9
_THOROUGH = 4096  # longest side a single picture is enlarged to, pixels
_SUPPORT = 0.4  # score from which one detector's finding says that another's is a face


@dataclasses.dataclass(frozen=True)
class Attention:
    """When and how a second look is taken.

    Args:
        cadence: time from one look of both detectors at the whole picture to the next, seconds.
        again: time from one close look at a face to the next while it is doubtful, seconds;
            it grows while nothing changes.
        agreed: the same where both detectors had it, seconds.
        lost: how long a lost face is looked for, seconds.
        regions: most close looks in one frame.
        first: longest side at which the cheap detector sees the whole picture, pixels.
        second: the same for the second one.
        enlarged: longest side up to which the picture is enlarged for both, at most twice.
        face: side to which faces are scaled for a close look, pixels.
        same: overlap from which two findings are one face.
    """

    cadence: float = 0.5
    again: float = 0.2
    agreed: float = 1.0
    lost: float = 1.0
    regions: int = 4
    first: int = 1920
    second: int = 960
    enlarged: int = 1280
    face: int = 64
    same: float = 0.35


def watching_detectors() -> tuple[Detector, Detector]:
    """A cheap detector and a second one of another making, both told to name the unsure too.

    YuNet is the cheap one where its weights are in the cache; nothing is fetched.
    """
    if find("yunet"):
        return YuNet(least=0.25), CenterFace(least=0.2)
    return CenterFace(least=0.2), MTCNNFaces(least=0.6)


class Lookout:
    """Told one frame after the other, finds its faces, unsure ones too.

    The cheap detector sees every frame. Both see the whole picture, enlarged where it is
    small, when a shot begins and then on a cadence; and both look closely where a face
    appears, is doubtful or was lost.

    Args:
        detectors: the cheap one and the second one; `watching_detectors` where it is None.
        attention: when a second look is taken.
    """

    def __init__(
        self,
        detectors: tuple[Detector, Detector] | None = None,
        *,
        attention: Attention | None = None,
    ) -> None:
        self.detectors = detectors or watching_detectors()
        # CenterFace on all of a large picture costs more than everything else together.
        dear = self.detectors[0].name == CenterFace.name
        self.attention = attention or Attention(first=1280 if dear else 1920)
        self.reset()

    def reset(self, *, rotation: int = 0) -> None:
        """Forget what was seen: another video begins.

        Args:
            rotation: degrees by which players turn it. Where it is not 0, faces are also
                looked for in the frame as stored: with each look at the whole picture, and
                in every frame for a while after one was found lying on its side.
        """
        self._followed = np.zeros((0, _WIDTH))
        self._whole = self._turned = _NEVER
        self._turns = as_stored(rotation)
        self._looking: tuple[int, ...] = ()
        self._lying = False

    def __call__(
        self, image: NDArray[np.uint8], *, cut: bool, time: float, motion: NDArray[np.int8]
    ) -> Detections:
        """Faces in the next frame.

        Args:
            image: RGB, uint8 (H, W, 3).
            cut: whether a shot begins with it.
            time: seconds.
            motion: since the frame before.

        Returns:
            Faces with a bit for each detector that found them; scores are brought to one
            scale, on which a face from 0.5 is one that its detectors believe in.
        """
        if cut:
            self._followed = np.zeros((0, _WIDTH))
        whole = cut or time - self._whole >= self.attention.cadence - 1e-6
        lately = time - self._turned <= self.attention.lost
        self._looking = self._turns if whole or lately else ()
        self._lying = False
        if whole:
            parts = self._everywhere(image, thorough=False)
            self._whole = time
        else:
            scale = min(1.0, self.attention.first / max(image.shape[:2]))
            parts = [self._scaled(0, image, scale)]
        found = pooled(parts, same=self.attention.same)
        self._move(motion, image.shape)
        close = self._regions(found, time, whole=whole)
        for box in close:
            parts += self._closely(image, box)
        if len(close):
            found = pooled(parts, same=self.attention.same)
        self._update(found, close, time, whole=whole)
        self._turned = time if self._lying else self._turned
        return found

    def picture(self, image: NDArray[np.uint8]) -> Detections:
        """Faces in a single picture, RGB uint8 (H, W, 3), looked at as hard as can be."""
        parts = self._everywhere(image, thorough=True)
        found = pooled(parts, same=self.attention.same)
        for box in found.boxes[(found.by != 3)]:
            parts += self._closely(image, box)
        return pooled(parts, same=self.attention.same)

    def state(self) -> bytes:
        """All that the next frame's findings depend on beside the frame itself."""
        return np.concatenate([[self._whole, self._turned], self._followed.reshape(-1)]).tobytes()

    def restore(self, value: bytes) -> None:
        """Go on from a state."""
        numbers = np.frombuffer(value, np.float64)
        self._whole, self._turned = map(float, numbers[:2])
        self._followed = numbers[2:].reshape(-1, _WIDTH).copy()

    def _everywhere(self, image: NDArray[np.uint8], *, thorough: bool) -> list[Detections]:
        """What both detectors see of the whole picture, and enlarged where it is small."""
        longest, attention = max(image.shape[:2]), self.attention
        second, enlarged = attention.second, attention.enlarged
        if thorough:
            second = enlarged = _THOROUGH
        parts = [
            self._scaled(0, image, min(1.0, attention.first / longest)),
            self._scaled(1, image, min(1.0, second / longest)),
        ]
        scale = min(2.0, enlarged / longest)
        if scale > 1.2:
            parts.append(self._scaled(0, image, scale))
        return parts

    def _scaled(self, which: int, image: NDArray[np.uint8], scale: float) -> Detections:
        """What one detector sees of a picture made smaller or larger."""
        return self._noted(which, _resized(image, scale)).moved(1 / scale)

    def _noted(self, which: int, image: NDArray[np.uint8]) -> Detections:
        detector = self.detectors[which]
        found, turns = seen_turned(detector, image, self._looking)
        mark = np.full(len(found), 1 << which, np.uint8)
        scores = _believed(found.scores, detector)
        self._lying |= bool((scores[turns > 0] >= 0.5).any())
        return Detections(found.boxes, found.points, scores, mark)

    def _closely(self, image: NDArray[np.uint8], box: Floats) -> list[Detections]:
        """What both detectors see around a box, the face brought to a size they like."""
        side = float(max(box[2:]))
        middle = box[:2] + box[2:] / 2
        reach = max(1.25 * side, 20.0)
        left, top = (max(0, int(v)) for v in middle - reach)
        right, bottom = (int(v) for v in middle + reach)
        part = image[top:bottom, left:right]
        if min(part.shape[:2], default=0) < 8:
            return []
        scale = float(np.clip(self.attention.face / side, 0.05, 2.5))
        part = _resized(part, scale)
        return [self._noted(n, part).moved(1 / scale).moved(1.0, left, top) for n in (0, 1)]

    def _move(self, motion: NDArray[np.int8], shape: tuple[int, ...]) -> None:
        """Bring what is followed to where it should be by now."""
        for row in self._followed:
            row[:2] += moved(row[:4].astype(np.float32), motion, (shape[1], shape[0]))

    def _regions(self, found: Detections, time: float, *, whole: bool) -> Floats:
        """Boxes to look at closely in this frame, the longest neglected first."""
        attention, wanted = self.attention, []
        fits = closeness(self._followed[:, :4].astype(np.float32), found.boxes)
        known = fits.max(0, initial=0) > 0
        for row in np.flatnonzero(~known & (found.by != 3)):
            # Something new; what is hardly there is looked at when nothing else is.
            wanted.append((float(found.scores[row]) >= 0.35, time, found.boxes[row]))
        for number, each in enumerate(self._followed):
            here = fits[number].max(initial=0) > 0
            waited = time - each[_CHECKED]
            agreed = time - each[_AGREED] < attention.agreed
            if here and (agreed or whole):
                continue
            # What stays as it was is looked at ever less often.
            since = each[_BORN] if here else each[_SEEN]
            if waited < max(attention.again if here else 0.0, (time - since) / 3):
                continue
            wanted.append((True, waited, each[:4].astype(np.float32)))
        wanted.sort(key=lambda one: (not one[0], -one[1]))
        boxes = [box for _, _, box in wanted[: attention.regions]]
        return np.stack(boxes).astype(np.float32) if boxes else np.zeros((0, 4), np.float32)

    def _update(self, found: Detections, close: Floats, time: float, *, whole: bool) -> None:
        """Take note of where faces are and how well each was looked at."""
        fits = closeness(self._followed[:, :4].astype(np.float32), found.boxes)
        rows = []
        taken = np.zeros(len(self._followed), np.bool_)
        for at, box in enumerate(found.boxes):
            row = np.array([*box, time, time, _NEVER, _NEVER])
            if len(self._followed) and fits[:, at].max() > 0:
                one = int(fits[:, at].argmax())
                row[_BORN:] = self._followed[one, _BORN:]
                taken[one] = True
            if whole:
                row[_CHECKED] = time
            if found.by[at] == 3:
                row[_AGREED] = time
            rows.append(row)
        # Only what was a face is looked for when it is lost.
        lost = ~taken & (time - self._followed[:, _SEEN] <= self.attention.lost)
        lost &= self._followed[:, _AGREED] > _NEVER
        rows += list(self._followed[lost])
        self._followed = np.stack(rows) if rows else np.zeros((0, _WIDTH))
        if len(close) and len(self._followed):
            looked = closeness(self._followed[:, :4].astype(np.float32), close).max(1) > 0
            self._followed[looked, _CHECKED] = time


def pooled(parts: Sequence[Detections], *, same: float = 0.35) -> Detections:
    """The faces of several findings, one for each face, with the bits of all that found it.

    Of one detector's several looks the surest counts; scores of different detectors join as
    if each were the chance that it is a face and they knew nothing of each other. The box
    and the points are those of the first finding of the detector with the lowest bit.

    Args:
        parts: findings with their bits.
        same: overlap from which two findings are one face.
    """
    kept = Detections.none()
    best = np.zeros((0, 8))  # the highest score of each detector
    for part in sorted(parts, key=lambda part: int(part.by.max(initial=0))):
        new = without_twins(part, most=same)
        scores = np.where(new.by[:, None] >> np.arange(8) & 1, new.scores[:, None], 0.0)
        shares = overlap(new.boxes, kept.boxes)
        known = shares.max(1, initial=0) >= same
        for row in np.flatnonzero(known):
            at = shares[row].argmax()
            # What hardly any detector would call a face supports nobody.
            fit = np.where((scores[row] >= _SUPPORT) | (best[at] == 0).all(), scores[row], 0.0)
            best[at] = np.maximum(best[at], fit)
        kept = Detections.joined([kept, new[~known]])
        best = np.concatenate([best, scores[~known]])
    return Detections(
        kept.boxes, kept.points, (1 - (1 - best).prod(1)).astype(np.float32),
        ((best > 0) << np.arange(8)).sum(1).astype(np.uint8),
    )  # fmt: skip


def _believed(scores: Floats, detector: Detector) -> Floats:
    """Scores on a scale where 0.5 is what the detector is sure from."""
    sure = getattr(detector, "sure", 0.5)
    low, high = 0.5 * scores / sure, 0.5 + 0.5 * (scores - sure) / (1 - sure)
    return np.clip(np.where(scores < sure, low, high), 0, 1).astype(np.float32)


def _resized(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return np.ascontiguousarray(image)
    cv2 = _cv2()

    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    resized: NDArray[np.uint8] = cv2.resize(image, size, interpolation=how)
    return resized


@functools.cache
def _cv2() -> Any:
    import cv2

    return cv2
