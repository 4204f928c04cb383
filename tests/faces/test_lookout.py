"""Where the second detector looks, and what several findings make of one face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.faces import Detections
from synthaug.faces.lookout import Attention, Lookout, pooled
from synthaug.faces.motion import STILL, MotionFinder, moved

BLANK = np.zeros((360, 640, 3), np.uint8)
SPOT = (300, 100, 60, 60)


def one(box=SPOT, score=0.9, by=0) -> Detections:
    boxes = np.array([box], np.float32)
    return Detections(
        boxes, np.zeros((1, 5, 2), np.float32), np.array([score], np.float32),
        np.array([by], np.uint8),
    )  # fmt: skip


class White:
    """Takes the white square for a face; counts how often it looks, and at how much."""

    def __init__(self, name: str, score: float = 0.9) -> None:
        self.name, self.sha256, self.score = name, "0" * 64, score
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, image: np.ndarray) -> Detections:
        self.sizes.append(image.shape[:2])
        rows, columns = np.nonzero(image[..., 0] > 128)
        if not len(rows) or not self.score:
            return Detections.none()
        left, top = columns.min(), rows.min()
        return one((left, top, np.ptp(columns) + 1, np.ptp(rows) + 1), self.score)


def shown(*, face: bool = True) -> np.ndarray:
    image = BLANK.copy()
    if face:
        left, top, width, height = SPOT
        image[top : top + height, left : left + width] = 255
    return image


def watch(lookout: Lookout, faces: list[bool]) -> list[Detections]:
    return [
        lookout(shown(face=face), cut=at == 0, time=at / 25, motion=STILL)
        for at, face in enumerate(faces)
    ]


def test_both_see_the_whole_when_a_shot_begins_and_then_now_and_again():
    cheap, second = White("cheap"), White("second")
    found = watch(Lookout((cheap, second)), [True] * 26)
    assert all((each.by & 1).all() for each in found)
    assert [at for at, each in enumerate(found) if (each.by == 3).any()][:2] == [0, 13]
    assert len(second.sizes) < 6


def test_what_the_cheap_one_doubts_is_looked_at_closely_less_and_less():
    cheap, second = White("cheap", score=0.2), White("second", score=0)
    watch(Lookout((cheap, second), attention=Attention(cadence=1e9)), [True] * 50)
    close = [size for size in second.sizes if size != BLANK.shape[:2]]
    assert 2 <= len(close) <= 12
    assert max(max(size) for size in close) < 250


def test_a_lost_face_is_looked_for_where_it_was():
    cheap, second = White("cheap"), White("second")
    lookout = Lookout((cheap, second), attention=Attention(cadence=1e9))
    watch(lookout, [True] * 5 + [False] * 30)
    close = [size for size in second.sizes if size != BLANK.shape[:2]]
    assert 3 <= len(close) <= 20


def test_a_lookout_goes_on_from_its_state():
    faces = [True] * 8 + [False] * 6 + [True] * 12
    whole = watch(Lookout((White("a"), White("b", 0.45))), faces)
    first, other = (Lookout((White("a"), White("b", 0.45))) for _ in range(2))
    for at, face in enumerate(faces):
        if at == 10:
            other.restore(first.state())
            first = other
        found = first(shown(face=face), cut=at == 0, time=at / 25, motion=STILL)
        assert np.array_equal(found.boxes, whole[at].boxes)
        assert np.array_equal(found.by, whole[at].by)


def test_agreement_makes_surer_and_the_hardly_likely_supports_nobody():
    both = pooled([one(score=0.6, by=1), one(score=0.6, by=2)])
    assert len(both) == 1
    assert both.scores[0] == pytest.approx(0.84)
    assert both.by[0] == 3
    weak = pooled([one(score=0.6, by=1), one(score=0.3, by=2)])
    assert (weak.scores[0], weak.by[0]) == (pytest.approx(0.6), 1)
    same = pooled([one(score=0.6, by=1), one(score=0.7, by=1)])
    assert (same.scores[0], same.by[0]) == (pytest.approx(0.7), 1)


box = st.tuples(*[st.integers(0, 200)] * 2, *[st.integers(10, 90)] * 2)


@given(st.lists(st.tuples(box, st.floats(0.1, 1), st.sampled_from([1, 2])), max_size=6))
def test_no_finding_is_lost_when_findings_are_pooled(found):
    every = pooled([one(where, score, by) for where, score, by in found])
    for where, score, _ in found:
        each = one(where, score)
        twins = pooled([every, each])
        assert len(twins) == len(every) or len(every) == 0


def test_a_pan_moves_what_is_shown():
    import cv2

    small = np.random.default_rng(0).integers(0, 255, (8, 24, 3), np.uint8)
    wide = cv2.resize(small, (1280, 360), interpolation=cv2.INTER_CUBIC)
    finder = MotionFinder()
    steps = [finder(np.ascontiguousarray(wide[:, 10 * t : 10 * t + 640])) for t in range(4)]
    assert np.array_equal(steps[0], STILL)
    face = np.array(SPOT, np.float32)
    for step in steps[1:]:
        assert moved(face, step, (640, 360)) == pytest.approx([-10, 0], abs=1.5)
        assert moved(face, step, (640, 360), back=True) == pytest.approx([10, 0], abs=1.5)


@given(st.tuples(*[st.floats(-900, 900)] * 2, *[st.floats(1, 900)] * 2))
def test_motion_is_known_everywhere(where):
    step = moved(np.array(where, np.float32), STILL, (640, 360))
    assert np.array_equal(np.abs(step), [0, 0])
