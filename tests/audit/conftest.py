"""An invented clip: the portrait that scikit-image carries moves over a pattern, with sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from skimage.data import astronaut

from synthaug.faces import CenterFace
from synthaug.faces.geometry import level, placement
from synthaug.faces.plan import Action, Plan, PlannedTrack
from synthaug.faces.recognisers import aligned
from synthaug.faces.tracks import track
from synthaug.media import Writer, frames, probe
from synthaug.media.editing import paint, picture
from synthaug.weights.registry import sha256_of

FRAMES = 24
SIZE = (320, 240)


def shown(index: int) -> np.ndarray:
    """Frame number `index` of the clip, uint8 (240, 320, 3)."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    ground = np.stack([(x * 2) % 200, (y * 3) % 200, (x + y) % 200], -1).astype(np.uint8)
    person = astronaut()[10:250, 130:330]
    left = 20 + 3 * index
    ground[:, left : left + 200] = person
    return ground


@dataclasses.dataclass(frozen=True)
class Case:
    """A source and its plan, and what makes outputs of it."""

    source: Path
    plan: Plan

    def hidden(
        self,
        output: Path,
        *,
        opened: Collection[int] = (),
        left_out: Collection[int] = (),
        mute: bool = False,
        share: float = 1.0,
        colour: int = 96,
    ) -> Path:
        """Every planned face painted over, but in the frames left open; some frames left out."""
        clip = probe(self.source)
        with Writer(clip, output, mute=mute) as writer:
            for number, frame in enumerate(frames(clip)):
                for each in self.plan.tracks:
                    row = number - each.first
                    if number not in opened and 0 <= row < len(each.spots):
                        self._paint(frame, each.spots[row], share, colour)
                if number not in left_out:
                    writer.write(frame)
        return output

    @staticmethod
    def _paint(frame: av.VideoFrame, spot, share: float, colour: int) -> None:
        where = placement(spot)
        y, x = np.mgrid[: frame.height, : frame.width] + 0.5
        mask = level(where.relative(np.stack([x, y], -1))) <= 1.05
        mask &= x < where.x + (share - 0.5) * where.side
        flat = np.full((frame.height, frame.width, 3), colour, np.uint8)
        paint(frame, 0, 0, flat, mask)


def planned(path: Path, detector) -> Plan:
    """A plan that replaces every face the detector finds."""
    clip, cut = probe(path), [True] + [False] * 10_000
    found, times = [], []
    for frame in frames(clip):
        found.append(detector(picture(frame)))
        times.append(frame.pts)
    seconds = [float(time * clip.time_base) for time in times]
    tracks = track(found, seconds, cut, (clip.width, clip.height))
    return Plan(
        path.name, sha256_of(path), clip.width, clip.height, len(found), clip.time_base,
        {detector.name: detector.sha256}, "",
        [
            PlannedTrack(
                number, Action.REPLACE, each.first, times[each.first : each.last + 1], each.spots
            )
            for number, each in enumerate(tracks)
        ],
    )  # fmt: skip


def write_clip(path: Path, picture_of: Callable[[int], np.ndarray] = shown) -> Path:
    """The clip as a file: H.264 and a tone of AAC."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "14", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 12800)
        tone = out.add_stream("aac", rate=48000, layout="mono")
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture_of(index), format="rgb24")
            frame.pts, frame.time_base = index * 512, Fraction(1, 12800)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        wave = (np.sin(np.arange(46080) / 20) * 9000).astype(np.float32)[None] / 32768
        sound = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = 48000, 0, Fraction(1, 48000)
        out.mux(tone.encode(sound))
        out.mux(tone.encode(None))
    return path


class PixelFaces:
    """A recogniser that compares pictures: enough for one portrait and no weights."""

    name, sha256, same, other = "pixels", "ab" * 32, 0.7, 0.3

    def __call__(self, image, faces):
        import cv2

        rows = []
        for points in faces.points:
            small = cv2.resize(aligned(image, points)[20:100, 20:92], (16, 16))
            grey = small.astype(np.float32).mean(-1)
            grey -= cv2.GaussianBlur(grey, (0, 0), 2)
            rows.append(grey.ravel() / max(np.linalg.norm(grey), 1e-6))
        return np.array(rows, np.float32)


@pytest.fixture
def recogniser() -> PixelFaces:
    return PixelFaces()


@pytest.fixture(scope="session")
def detector() -> CenterFace:
    return CenterFace()


@pytest.fixture(scope="session")
def case(tmp_path_factory, detector) -> Case:
    path = write_clip(tmp_path_factory.mktemp("audit") / "clip.mp4")
    return Case(path, planned(path, detector))


@pytest.fixture
def written() -> Callable[..., Path]:
    return write_clip


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """A case of any file, with a plan of all that a detector finds in it."""
    return lambda path, detector: Case(path, planned(path, detector))


@pytest.fixture
def make_picture() -> Callable[[int], np.ndarray]:
    return shown
