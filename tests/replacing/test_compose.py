"""Only ovals and feathers change, nothing of a hidden face is left, and no seam is to be seen."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from synthaug.faces.geometry import Placement, level, oval, placement
from synthaug.faces.plan import Action, Plan, PlannedTrack
from synthaug.faces.tracks import Source, Spot
from synthaug.media.editing import reformat
from synthaug.replacing.compose import Canvas, window
from synthaug.replacing.ladder import Ladder
from synthaug.replacing.matching import (
    Exposure,
    Look,
    Treatment,
    aligned,
    exposure,
    like_ring,
    looks,
    treated,
    treatment,
)  # fmt: skip
from synthaug.replacing.painter import Painter

SIZE = (120, 90)

places = st.builds(
    Placement, x=st.floats(-30, 150), y=st.floats(-30, 120), side=st.floats(4, 160),
    angle=st.floats(-3.1, 3.1),
)  # fmt: skip


class Textured:
    """A face of noise."""

    name = "textured"
    sha256 = ""
    resolution = 32
    z_dim = 2

    def __call__(self, faces):
        random = np.random.default_rng(3)
        return random.integers(60, 190, (len(faces), 32, 32, 3), np.uint8)


def spot(left, top, width, height) -> Spot:
    box = np.array([left, top, width, height], np.float32)
    shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    return Spot(box, box[:2] + shares * box[2:], 0.9, Source.DETECTED)


def plan_of(*spots: Spot, actions=None) -> Plan:
    actions = actions or [Action.REPLACE] * len(spots)
    tracks = [
        PlannedTrack(n, action, 0, [0], [each])
        for n, (each, action) in enumerate(zip(spots, actions, strict=True))
    ]
    return Plan("a", "", *SIZE, 1, Fraction(1, 25), {}, "", tracks)


def frame_of(picture: np.ndarray, name: str = "yuv420p") -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    frame = reformat(frame, format=name)
    frame.pts = 0
    return frame


def luma(frame: av.VideoFrame) -> np.ndarray:
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


@settings(max_examples=60, deadline=None)
@given(places)
def test_a_window_holds_the_oval_and_a_narrow_feather(where):
    one = window(where, SIZE)
    grid = np.stack(np.meshgrid(np.arange(120) + 0.5, np.arange(90) + 0.5), -1)
    out = level(where.relative(grid))
    if one is None:
        assert not (out <= 1).any()
        return
    whole = np.zeros((90, 120), np.float32)
    whole[one.at] = one.alpha
    # Every pixel whose middle lies in the oval is replaced altogether.
    assert (whole[out <= 1] == 1).all()
    pixel = 1 / (where.side * 0.30)
    assert (whole[out > 1 + 0.5 * pixel + max(0.05, pixel) + 1e-6] == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(places, min_size=1, max_size=4), st.integers(0, 99))
def test_what_is_hidden_has_no_part_in_what_is_shown(faces, seed):
    """Two frames that differ only inside the ovals become the same frame."""
    random = np.random.default_rng(seed)
    one = random.integers(1, 256, (90, 120, 3), np.uint8)
    other = one.copy()
    for where in faces:
        part = window(where, SIZE)
        if part is not None:
            other[part.at][part.inside] = random.integers(1, 256, 3, np.uint8)
    crops = random.integers(0, 256, (len(faces), 32, 32, 3), np.uint8)
    made = []
    for picture in (one, other):
        canvas = Canvas(picture, faces)
        looks_of = [canvas.look(row) for row in range(len(faces))]
        for row, look in enumerate(looks_of):
            drawn = canvas.drawn(row, crops[row], None)
            if drawn is not None:
                wanted = treatment(drawn, canvas.windows[row].inside, look or Look(None, 0.0))
                canvas.set(row, treated(drawn, wanted, np.random.default_rng(row)))
        made.append(canvas.pixels)
    assert (made[0] == made[1]).all()


def test_the_whole_painter_sees_nothing_of_a_face():
    """Nor of the face in the frame before, which tells how much the grain changes."""
    picture = np.ascontiguousarray(astronaut()[20:200, 120:360])
    mine = spot(48, 43, 108, 145)
    part = window(placement(mine), (240, 180))
    plan = plan_of(mine)
    count = 7
    plan.tracks[0] = PlannedTrack(0, Action.REPLACE, 0, list(range(count)), [mine] * count)
    films = []
    for seed in (1, 2):
        random = np.random.default_rng(seed)
        painter, film = Painter(plan, Ladder.usual(), b"salt"), []
        for number in range(count):
            changed = picture.copy()
            changed[part.at][part.inside] = random.integers(1, 256, 3, np.uint8)
            frame = frame_of(changed, "gbrp")
            frame.pts = number
            painter.paint(frame)
            film.append([bytes(plane) for plane in frame.planes])
        films.append(film)
    assert films[0] == films[1]


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "gray", "yuv420p10le"])
def test_nothing_else_changes_by_one_bit(name):
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (90, 120, 3), np.uint8)
    before, after = frame_of(picture, name), frame_of(picture, name)
    faces = [spot(10, 10, 24, 30), spot(90, 60, 40, 50)]
    Painter(plan_of(*faces), Ladder([("t", Textured)]), b"salt").paint(after)
    grid = np.stack(np.meshgrid(np.arange(120) + 0.5, np.arange(90) + 0.5), -1)
    free = np.zeros((90, 120), bool)
    for each in faces:
        where = placement(each)
        pixel = 1 / (where.side * 0.30)
        free |= level(where.relative(grid)) <= 1 + 1.6 * pixel + 0.05
    kind = np.uint16 if name.endswith("10le") else np.uint8
    one, other = (
        np.frombuffer(f.planes[0], kind).reshape(90, -1)[:, :120] for f in (before, after)
    )
    assert not (one != other)[~free].any()
    assert (one != other)[free].mean() > 0.6


def test_no_more_than_half_as_much_again_as_the_face_changes():
    for side, most in ((24, 1.75), (40, 1.6), (80, 1.52), (200, 1.52)):
        face = spot(300, 300, side * 0.78, side)
        one = window(placement(face), (1000, 1000))
        visible = (one.alpha > 0.25).sum()
        assert visible <= most * face.box[2:].prod(), side


def test_a_track_that_is_kept_is_not_touched_and_one_in_doubt_is_covered():
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    frame, before = frame_of(picture), frame_of(picture)
    faces = [spot(10, 10, 24, 30), spot(70, 30, 24, 30)]
    plan = plan_of(*faces, actions=[Action.KEEP, Action.COVER])
    painter = Painter(plan, Ladder([("t", Textured)]), b"salt")
    painter.paint(frame)
    assert painter.rungs == {1: {"cover": 1}}
    assert (luma(frame)[:, :60] == luma(before)[:, :60]).all()
    assert luma(frame)[35:55, 75:90].std() < 2


class Heard(Textured):
    """Notes the latents it is given."""

    def __init__(self):
        self.latents = []

    def __call__(self, faces):
        self.latents += [tuple(face.latent) for face in faces]
        return super().__call__(faces)


@pytest.mark.parametrize(("person", "linked"), [(None, False), (4, True)])
def test_two_files_share_a_face_only_where_people_are_linked(person, linked):
    heard = Heard()
    for sha256 in ("a" * 64, "b" * 64):
        plan = plan_of(spot(10, 10, 24, 30))
        tracks = [dataclasses.replace(track, person=person) for track in plan.tracks]
        plan = dataclasses.replace(plan, input_sha256=sha256, tracks=tracks)
        painter = Painter(plan, Ladder([("heard", lambda: heard)]), b"salt")
        painter.paint(frame_of(np.full((90, 120, 3), 128, np.uint8)))
    assert len(heard.latents) == 2
    assert (heard.latents[0] == heard.latents[1]) == linked


class Striped:
    """Stripes across a face whose mouth is shut, up and down one whose mouth is open."""

    name = "striped"
    sha256 = ""
    resolution = 32
    z_dim = 2

    def __call__(self, faces):
        across = np.where(np.arange(32) // 4 % 2, 40, 210).astype(np.uint8)[:, None].repeat(32, 1)
        drawn = [across if face.conditions.mouth == 0 else across.T for face in faces]
        return np.stack(drawn)[..., None].repeat(3, 3)


def in_front(actions) -> list[int]:
    """Which of two trembling faces that cover each other is in front, frame by frame."""
    count = 12
    sizes = 44 + np.array([[1, -1], [-1, 1]] * (count // 2))  # each is the larger in turn
    tracks = []
    for number, (left, action) in enumerate(zip((30, 42), actions, strict=True)):
        spots = [spot(left, 20, size[number], 1.2 * size[number]) for size in sizes]
        openness = np.full((count, 2), 0.02 if number == 0 else 0.5, np.float32)
        tracks.append(PlannedTrack(number, action, 0, list(range(count)), spots, openness=openness))
    plan = Plan("a", "", *SIZE, 1, Fraction(1, 25), {}, "", tracks)
    painter, seen = Painter(plan, Ladder([("striped", Striped)]), b"salt"), []
    for number in range(count):
        frame = frame_of(np.full((90, 120, 3), 128, np.uint8))
        frame.pts = number
        painter.paint(frame)
        both = luma(frame)[36:56, 52:64].astype(float)
        seen.append(int(both.mean(0).std() > both.mean(1).std()))
    return seen


def test_of_two_faces_that_cover_each_other_the_same_one_stays_in_front():
    assert len(set(in_front([Action.REPLACE, Action.REPLACE]))) == 1


@pytest.mark.parametrize("covered", [0, 1])
def test_a_cover_lies_behind_a_face_that_was_drawn(covered):
    actions = [Action.REPLACE, Action.REPLACE]
    actions[covered] = Action.COVER
    assert set(in_front(actions)) == {1 - covered}


def test_a_plan_with_other_times_is_refused():
    frame = frame_of(np.zeros((90, 120, 3), np.uint8))
    frame.pts = 7
    with pytest.raises(ValueError, match="expected frame 0 at time 7"):
        Painter(plan_of(spot(10, 10, 24, 30)), Ladder(), b"salt").paint(frame)


def test_resumed_state_is_the_same_state():
    painter = Painter(plan_of(spot(10, 10, 24, 30)), Ladder([("t", Textured)]), b"salt")
    painter.paint(frame_of(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)))
    again = Painter(plan_of(spot(10, 10, 24, 30)), Ladder(), b"salt")
    again.restore(painter.state())
    assert again.state() == painter.state()


def test_colours_come_from_the_ring():
    from synthaug.faces.geometry import oval

    crop = np.full((64, 64, 3), 100, np.uint8)
    ring = np.full((64, 64, 3), 130, np.uint8)
    ring[oval(64)] = 0
    made = like_ring(crop, ring, oval(64))
    assert np.abs(made[oval(64)].astype(int) - 130).max() <= 3
    assert (like_ring(crop, np.zeros_like(ring), oval(64)) == crop).all()


def test_a_sharp_face_is_softened_beside_a_blurred_ring_and_not_beside_a_sharp_one():
    import cv2

    portrait = np.ascontiguousarray(astronaut()[60:220, 160:300])
    blurred = np.asarray(cv2.GaussianBlur(portrait, (0, 0), 2.4))
    everywhere = np.ones(portrait.shape[:2], bool)
    soft, sharp = looks(blurred, everywhere), looks(portrait, everywhere)
    assert 1.2 <= treatment(portrait, everywhere, soft).sigma <= 3.4
    assert treatment(portrait, everywhere, sharp).sigma == 0
    assert treatment(portrait, everywhere, Look(None, 0.0)).sigma == 0


def test_grain_is_that_of_the_ring():
    flat = np.full((80, 80, 3), 120, np.uint8)
    everywhere = np.ones((80, 80), bool)
    wanted = treatment(flat, everywhere, Look(None, 4.0))
    made = treated(flat, wanted, np.random.default_rng(0))
    assert abs(made.astype(float).std() - 4) < 0.5
    assert treatment(made, everywhere, Look(None, 1.0)).grain == 0


def test_grain_stands_still_where_the_surroundings_do():
    random = np.random.default_rng(0)
    still = (120 + random.normal(0, 4, (90, 120, 1)).repeat(3, -1)).clip(0, 255).astype(np.uint8)
    moving = (120 + random.normal(0, 4, (90, 120, 1)).repeat(3, -1)).clip(0, 255).astype(np.uint8)
    where = [placement(spot(40, 25, 30, 40))]
    first = Canvas(still, where)
    assert Canvas(still, where, first).look(0).restless == 0
    assert Canvas(moving, where, Canvas(still, where)).look(0).restless > 0.8
    assert Canvas(still, where).look(0).restless == 1  # nothing is known yet

    face = np.full((40, 40, 3), 120, np.uint8)
    standing = random.standard_normal((40, 40)).astype(np.float32)

    def twice(restless):
        wanted = Treatment(0.0, 4.0, restless)
        return [
            treated(face, wanted, np.random.default_rng(n), standing).astype(float) for n in (1, 2)
        ]

    one, other = twice(0.0)
    assert (one == other).all()
    assert 3 < one[..., 0].std() < 5
    one, other = twice(0.6)
    assert 3 < one[..., 0].std() < 5
    assert 1.5 < (one - other)[..., 0].std() < 5


def test_a_face_passes_into_its_surroundings():
    """A black face between white walls: no step at the oval's edge, black in the middle."""
    crop, inside = np.zeros((64, 64, 3), np.uint8), oval(64)
    ring = np.where(inside[..., None], 0, 240).astype(np.uint8).repeat(3, -1)
    made = like_ring(crop, ring, inside)
    edge = inside & ~cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    assert abs(made[edge].astype(int) - 240).max() < 16
    assert made[32, 32].max() < 80


@given(st.floats(0, 15), st.floats(60, 255))
def test_light_is_taken_away_and_given_back(black, white):
    light = Exposure(black, white)
    ring = np.arange(int(black) + 1, int(white), dtype=np.uint8)[:, None, None].repeat(3, -1)
    wide = light.stretched(ring)
    assert (abs(light.applied(wide).astype(int) - ring) <= 1).all()
    assert (light.stretched(np.zeros((4, 4, 3), np.uint8)) == 0).all()


def test_light_and_haze_of_a_room_are_seen():
    random = np.random.default_rng(0)

    def of(low, high):
        pixels = random.integers(low, high, (80, 80, 3), np.uint8)
        return exposure(pixels, np.ones((80, 80), bool))

    assert of(0, 255).white == 255
    assert of(0, 255).black < 30
    hazy, dim, black = of(60, 180), of(5, 60), of(0, 8)
    assert 50 < hazy.black <= 64
    assert hazy.white == 255
    assert 60 < dim.white < 110
    assert black.white == 60  # darker than that a face could not be told at all
    assert black.black == 0
    assert exposure(np.zeros((80, 80, 3), np.uint8), np.zeros((80, 80), bool)) == Exposure()


def test_black_is_no_lighter_than_the_darkest_of_the_frame():
    """A white wall behind a head is not haze."""
    picture = np.full((90, 120, 3), 220, np.uint8)
    where = placement(spot(10, 10, 24, 30))
    assert Canvas(picture, [where]).exposure(0).black > 30
    picture[60:, 80:] = 3
    assert Canvas(picture, [where]).exposure(0).black == 0


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-0.03, 0.03), st.floats(-0.03, 0.03), st.floats(-0.08, 0.08), st.floats(0.96, 1.04)
)
def test_a_face_is_aligned_to_its_points(x, y, angle, scale):
    crop = np.zeros((64, 64, 3), np.uint8)
    told = np.array([[-0.15, -0.1], [0.15, -0.1], [0, 0.05], [-0.1, 0.15], [0.1, 0.15]])
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    wanted = told @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    for across, down in told:
        cv2.circle(crop, (round(across * 64 + 31.5), round(down * 64 + 31.5)), 2, (255,) * 3, -1)
    made = aligned(crop, told, wanted)[..., 0].astype(float)
    middles = np.stack(np.meshgrid(np.arange(64), np.arange(64)), -1) / 64 - 31.5 / 64
    for point in wanted:
        near = made * (np.hypot(*np.moveaxis(middles - point, -1, 0)) < 0.08)
        found = (middles * near[..., None]).sum((0, 1)) / near.sum()
        assert np.abs(found - point).max() < 0.02


def test_a_treatment_changes_slowly():
    one, other = Treatment(0.0, 4.0), Treatment(2.0, 0.0)
    assert other.after(None) == other
    assert other.after(one, share=0.25) == Treatment(0.5, 3.0)
