"""Tracks follow faces through gaps, never across cuts, and cover what they lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.faces.cuts import CutFinder
from synthaug.faces.detections import Detections, overlap
from synthaug.faces.smoothing import one_euro
from synthaug.faces.tracks import Settings, Source, track

SIZE = (640, 360)


def faces(*boxes_and_scores: tuple[float, ...]) -> Detections:
    """Detections of (left, top, side, score)."""
    if not boxes_and_scores:
        return Detections.none()
    rows = np.array(boxes_and_scores, np.float32)
    boxes = np.stack([rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 2]], 1)
    shape = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    points = boxes[:, None, :2] + shape * boxes[:, None, 2:]
    return Detections(boxes, points, rows[:, 3])


def run(found, *, cuts=(), settings=None):
    times = [frame / 25 for frame in range(len(found))]
    begins = [frame == 0 or frame in cuts for frame in range(len(found))]
    return track(found, times, begins, SIZE, settings=settings or Settings(lead=0))


def test_two_people_who_pass_each_other_keep_their_tracks():
    found = [faces((10 + 8 * t, 100, 40, 0.9), (400 - 8 * t, 160, 40, 0.9)) for t in range(48)]
    tracks = run(found)
    assert len(tracks) == 2
    for each, start in zip(tracks, (10, 400), strict=True):
        assert len(each.spots) == 48
        assert abs(each.spots[0].box[0] - start) < 10
        assert abs(each.spots[-1].box[0] - (386 if start == 10 else 24)) < 10


def test_a_lost_face_stays_covered_where_it_went():
    def at(t):
        return 100 + 4 * t, 100

    found = [faces() if 10 <= t < 20 else faces((*at(t), 50, 0.9)) for t in range(30)]
    (only,) = run(found)
    assert len(only.spots) == 30
    assert [s.source for s in only.spots[10:20]] == [Source.INTERPOLATED] * 10
    for t, spot in enumerate(only.spots):
        real = np.array([*at(t), 50, 50], np.float32)
        covered = np.minimum(spot.box[:2] + spot.box[2:], real[:2] + 50) - np.maximum(
            spot.box[:2], real[:2]
        )
        assert covered.min() >= 48, t
    # It grows towards the middle of the gap, and is no union of both ends.
    widths = [spot.box[2] for spot in only.spots[10:20]]
    assert max(widths[4:6]) == max(widths)
    assert max(widths) < 50 * 1.5 + 6


def test_no_track_crosses_a_cut():
    found = [faces((100, 100, 50, 0.9)) for _ in range(20)]
    tracks = run(found, cuts={10}, settings=Settings(lead=1.0))
    assert [(each.first, each.last) for each in tracks] == [(0, 9), (10, 19)]


def test_unsure_faces_belong_to_the_sure_one_after_them_and_begin_nothing_alone():
    found = [faces((100, 100, 50, 0.35)) for _ in range(8)]
    found += [faces((100, 100, 50, 0.9))] + [faces((100, 100, 50, 0.35)) for _ in range(8)]
    (only,) = run(found)
    assert (only.first, only.last, only.detected) == (0, 16, 17)
    assert run([faces((100, 100, 50, 0.35))] * 8) == []


def test_a_face_that_is_away_too_long_begins_anew():
    found = [faces((100, 100, 50, 0.9))] * 5 + [faces()] * 40 + [faces((100, 100, 50, 0.9))] * 5
    tracks = run(found)
    assert [(each.first, each.last) for each in tracks] == [(0, 4), (45, 49)]


def test_tracks_are_led_in_and_out_and_end_with_the_picture():
    found = [faces()] * 20 + [faces((100, 100, 50, 0.9))] * 6 + [faces()] * 20
    (only,) = run(found, settings=Settings(lead=0.4, brief=9.0))
    assert (only.first, only.last) == (10, 35)
    assert only.spots[0].source is Source.LED_IN
    assert only.spots[-1].source is Source.LED_OUT
    assert only.spots[-1].box[2] > 50 * 1.3
    leaving = [faces((560 + 10 * t, 100, 50, 0.9)) if t < 8 else faces() for t in range(20)]
    (gone,) = run(leaving)
    assert gone.last == 7


spots = st.tuples(st.integers(0, 500), st.integers(0, 300), st.integers(10, 90))


@given(st.lists(spots, max_size=5), st.integers(1, 12))
def test_every_sure_face_is_covered_in_its_frame(places, length):
    found = [faces(*((x, y, s, 0.9) for x, y, s in places)) for _ in range(length)]
    tracks = run(found)
    for frame in range(length):
        boxes = [t.spots[frame - t.first].box for t in tracks if t.first <= frame <= t.last]
        for row in found[frame].boxes:
            end = row[:2] + row[2:] - 0.01
            assert any(
                (box[:2] <= row[:2] + 0.01).all() and (box[:2] + box[2:] >= end).all()
                for box in boxes
            )


def scene(seed: int) -> np.ndarray:
    """A wide picture with large soft shapes."""
    import cv2

    small = np.random.default_rng(seed).integers(0, 255, (6, 20, 3), np.uint8)
    return cv2.resize(small, (1280, 360), interpolation=cv2.INTER_CUBIC)


def test_cuts_are_seen_and_pans_and_flashes_are_not():
    one, other = scene(0), scene(1)
    pan = [np.ascontiguousarray(one[:, 4 * t : 4 * t + 640]) for t in range(20)]
    finder = CutFinder()
    shown = [*pan, *([np.ascontiguousarray(other[:, :640])] * 3)]
    assert [finder(image) for image in shown] == [True] + [False] * 19 + [True, False, False]
    finder = CutFinder()
    dark = pan[-1] // 2
    assert [finder(image) for image in (dark, dark, dark + 90, dark)] == [True] + [False] * 3


def test_smoothing_stills_noise_and_keeps_up():
    times = np.arange(100) / 25
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 2, (100, 4)).astype(np.float32)
    assert one_euro(noise + 50, times).std() < 0.5 * noise.std()
    ramp = np.repeat(np.linspace(0, 400, 100, dtype=np.float32)[:, None], 4, 1)
    assert np.abs(one_euro(ramp, times) - ramp)[10:-10].max() < 8


@given(st.floats(-1e3, 1e3), st.integers(1, 20))
def test_smoothing_leaves_what_stands_still(value, length):
    still = np.full((length, 2), value, np.float32)
    assert np.allclose(one_euro(still, np.arange(length) / 25.0), still)


@pytest.mark.parametrize("speed", [0.0, 3.0, 12.0])
def test_a_steady_walk_is_one_track_with_every_frame_on_the_face(speed):
    found = [faces((20 + speed * t, 120, 36, 0.8)) for t in range(40)]
    (only,) = run(found)
    boxes = np.stack([spot.box for spot in only.spots])
    real = np.stack([each.boxes[0] for each in found])
    assert np.diag(overlap(boxes, real)).min() > 0.6


def panning(speed: float):
    """Motion of a picture that moves to the right by pixels a frame."""
    step = np.zeros((18, 32, 2), np.int8)
    step[..., 0] = round(speed * 256 / 640 * 8)
    return lambda frame: step


def test_a_lost_face_goes_with_the_picture():
    found = [faces((100, 100, 50, 0.9)) if t < 5 else faces() for t in range(16)]
    times = [t / 25 for t in range(16)]
    (only,) = track(
        found, times, [t == 0 for t in range(16)], SIZE, motion=panning(10),
        settings=Settings(lead=1.0, brief=9.0),
    )  # fmt: skip
    for t in range(5, 16):
        box = only.spots[t].box
        assert abs(box[0] + box[2] / 2 - (125 + 10 * (t - 4))) < 3
    assert only.spots[15].points[0, 0] - only.spots[4].points[0, 0] == pytest.approx(110, abs=3)


def test_motion_that_is_a_hands_does_not_take_the_face_along():
    found = [faces() if 5 <= t < 15 else faces((100, 100, 50, 0.9)) for t in range(20)]
    times = [t / 25 for t in range(20)]
    (only,) = track(found, times, [t == 0 for t in range(20)], SIZE, motion=panning(20))
    for spot in only.spots:
        assert abs(spot.box[0] + spot.box[2] / 2 - 125) < 2


moves = st.tuples(st.integers(0, 300), st.integers(0, 200), st.integers(-6, 6), st.integers(20, 80))


@given(moves, st.integers(2, 20), st.integers(1, 20), st.integers(-10, 10))
def test_a_gap_is_filled_and_never_by_the_union_of_its_ends(move, before, gap, pan):
    x, y, speed, side = move
    shown = [t for t in range(before + gap + 3) if not before <= t < before + gap]
    found = [
        faces((x + speed * t, y, side, 0.9)) if t in shown else faces()
        for t in range(before + gap + 3)
    ]
    times = [t / 25 for t in range(len(found))]
    cuts = [t == 0 for t in range(len(found))]
    tracks = track(found, times, cuts, SIZE, motion=panning(pan), settings=Settings(lead=0))
    for each in tracks:
        assert len(each.spots) == each.last - each.first + 1 == len(each.by)
        for spot in each.spots:
            if spot.source is Source.INTERPOLATED:
                assert spot.box[2:].max() <= side * 1.4 + 7


@given(st.sets(st.integers(1, 29)), st.integers(1, 3))
def test_no_track_has_spots_on_both_sides_of_a_cut(cuts, people):
    found = [faces(*((100 + 150 * n, 100, 50, 0.9) for n in range(people)))] * 30
    for each in run(found, cuts=cuts, settings=Settings(lead=1.0)):
        assert not any(each.first < cut <= each.last for cut in cuts)


def test_a_lead_ends_where_another_track_has_the_face():
    found = [faces((100, 100, 50, 0.9)) if t < 10 or t >= 45 else faces() for t in range(60)]
    tracks = run(found, settings=Settings(lead=2.0, brief=9.0))
    covered = sorted(frame for each in tracks for frame in range(each.first, each.last + 1))
    assert set(covered) == set(range(60))
    # The first one's lead stops where the second one has seen the face, and the other way.
    assert tracks[0].last < 45
    assert tracks[1].first > 9


def noted(score: float, bits: int) -> Detections:
    found = faces((100, 100, 50, score))
    return Detections(found.boxes, found.points, found.scores, np.array([bits], np.uint8))


def test_hints_begin_a_track_where_they_agree_in_space_or_time():
    nothing = [faces()] * 4
    assert run([noted(0.45, 1), *nothing, noted(0.45, 1)]) == []
    (only,) = run([noted(0.45, 1), *nothing, noted(0.45, 2)])
    assert len(only.spots) == 6
    (only,) = run([noted(0.45, 1)] * 5)
    assert only.detected == 5
    assert run([noted(0.35, 1), noted(0.35, 2)] * 5) == []
