"""A plan of a video: every face in every frame, memory that stays, a kill that costs nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from skimage.data import astronaut

from synthaug.errors import InputError
from synthaug.faces import CenterFace, Detections, overlap
from synthaug.faces.lookout import Lookout
from synthaug.jobs.anonymizing.plan import plan_video

FACE = np.array([[168.0, 63.0, 108.0, 145.0]], np.float32)  # by hand, in the whole picture


class Blind:
    """A second detector that sees nothing."""

    name, sha256 = "blind", "0" * 64

    def __call__(self, image: np.ndarray) -> Detections:
        return Detections.none()


def film(path: Path, *, frames: int = 12, rotation: int = 0) -> Path:
    """The astronaut's picture, moving right by two pixels a frame, on grey."""
    portrait = astronaut()[:256, 100:356]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 400, 320, "yuv420p"
        if rotation:
            if rotation % 180:
                stream.width, stream.height = 320, 400
            stream.set_display_rotation(rotation)
        for index in range(frames):
            image = np.full((320, 400, 3), 120, np.uint8)
            image[30:286, 20 + 2 * index : 276 + 2 * index] = portrait
            if rotation:
                image = np.ascontiguousarray(np.rot90(image, -(rotation // 90)))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def where(index: int) -> np.ndarray:
    return FACE + np.array([-100 + 20 + 2 * index, 30, 0, 0], np.float32)


@pytest.fixture(scope="module")
def lookout_parts():
    return CenterFace(), Blind()


@pytest.fixture
def lookout(lookout_parts) -> Lookout:
    return Lookout(lookout_parts)


def test_a_moving_face_is_planned_in_every_frame(tmp_path, lookout):
    plan = plan_video(film(tmp_path / "a.mp4"), lookout=lookout)
    assert (plan.frames, plan.width, plan.height) == (12, 400, 320)
    (only,) = plan.tracks
    assert (only.first, len(only.spots)) == (0, 12)
    for index, spot in enumerate(only.spots):
        assert overlap(spot.box[None], where(index))[0, 0] > 0.5
    assert set(plan.detectors) == {"centerface", "blind"}


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_boxes_of_a_turned_video_are_those_of_its_stored_frames(tmp_path, lookout, rotation):
    (straight,) = plan_video(film(tmp_path / "a.mp4", frames=3), lookout=lookout).tracks
    left, top, wide, tall = straight.spots[0].box
    path = film(tmp_path / "turned.mp4", frames=3, rotation=rotation)
    (only,) = plan_video(path, lookout=lookout).tracks
    expected = {
        90: (320 - top - tall, left, tall, wide),
        -90: (top, 400 - left - wide, tall, wide),
        180: (400 - left - wide, 320 - top - tall, wide, tall),
    }[rotation]
    assert np.abs(only.spots[0].box - expected).max() < 4
    eye, nose = straight.spots[0].points[0], only.spots[0].points[0]
    turned = {90: (320 - eye[1], eye[0]), -90: (eye[1], 400 - eye[0]),
              180: (400 - eye[0], 320 - eye[1])}[rotation]  # fmt: skip
    assert np.abs(nose - turned).max() < 4


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_faces_that_lie_on_their_side_for_players_are_found_as_stored(tmp_path, lookout, rotation):
    path = tmp_path / "wrong.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 400, 320, "yuv420p"
        stream.set_display_rotation(rotation)
        for index in range(3):
            image = np.full((320, 400, 3), 120, np.uint8)
            image[30:286, 20 + 2 * index : 276 + 2 * index] = astronaut()[:256, 100:356]
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    (only,) = plan_video(path, lookout=lookout).tracks
    assert (only.first, len(only.spots)) == (0, 3)
    for index, spot in enumerate(only.spots):
        assert overlap(spot.box[None], where(index))[0, 0] > 0.5
        eye, other, _, corner, _ = spot.points
        assert other[0] - eye[0] > 20  # the eyes' line is level in the stored frame
        assert abs(other[1] - eye[1]) < 15
        assert corner[1] > eye[1] + 20


def test_what_was_found_before_a_kill_is_not_looked_for_again(tmp_path, lookout_parts):
    path, work = film(tmp_path / "a.mp4"), tmp_path / "work"
    whole = plan_video(path, lookout=Lookout(lookout_parts))

    class Dying:
        name, sha256, calls, most = "centerface", lookout_parts[0].sha256, 0, 8

        def __call__(self, image: np.ndarray) -> Detections:
            Dying.calls += 1
            if Dying.calls > Dying.most:
                raise KeyboardInterrupt
            return lookout_parts[0](image)

    def plan(most: int):
        Dying.calls, Dying.most = 0, most
        return plan_video(path, lookout=Lookout((Dying(), lookout_parts[1])), work=work)

    with pytest.raises(KeyboardInterrupt):
        plan(8)
    with work.open("ab") as file:
        file.write(b"\x40\x00\x00\x00half a record")
    again = plan(1000)
    rest = Dying.calls
    work.unlink()
    plan(1000)
    assert rest < Dying.calls
    for one, other in zip(whole.tracks, again.tracks, strict=True):
        assert all(
            np.array_equal(a.box, b.box) for a, b in zip(one.spots, other.spots, strict=True)
        )


def test_a_file_that_breaks_off_is_planned_as_far_as_it_goes(tmp_path, lookout):
    path = film(tmp_path / "a.ts", frames=40)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)
    plan = plan_video(path, lookout=lookout)
    assert 0 < plan.frames < 40


def test_text_is_no_video(tmp_path, lookout):
    (tmp_path / "a.mp4").write_text("text")
    with pytest.raises(InputError, match="video"):
        plan_video(tmp_path / "a.mp4", lookout=lookout)


def test_a_real_clip_is_planned(shared, monkeypatch, tmp_path):
    folder = tmp_path / "weights"
    shutil.copytree(shared / "models", folder)
    monkeypatch.setenv("SYNTHAUG_WEIGHTS", str(folder))
    plan = plan_video(shared / "videos" / "group_walk_480x270.mp4")
    assert [(each.first, len(each.spots)) for each in plan.tracks] == [(0, 41)] * 3


class Everyone:
    """Knows everybody for one person, or nobody."""

    name, sha256, same, other = "everyone", "1" * 64, 0.5, 0.3

    def __init__(self, likeness: float) -> None:
        self.likeness = likeness

    def __call__(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        photograph = image.shape[0] == 256
        rest = np.sqrt(1 - self.likeness**2)
        row = [1.0, 0.0] if photograph else [self.likeness, rest]
        return np.array([row] * len(faces), np.float32)


@pytest.mark.parametrize(
    ("likeness", "kept", "hidden_only", "said"),
    [(0.9, True, True, False), (0.4, False, True, True), (0.0, False, False, False)],
)
def test_who_may_be_another_is_hidden(
    tmp_path, lookout, monkeypatch, likeness, kept, hidden_only, said
):
    from PIL import Image

    from synthaug.jobs.anonymizing import people as anonymize_people

    monkeypatch.setattr(anonymize_people, "recognisers", lambda: [Everyone(likeness)])
    photo = tmp_path / "photo.png"
    Image.fromarray(astronaut()[:256, 100:356]).save(photo)
    path = film(tmp_path / "a.mp4")
    (track,) = plan_video(path, keep=[photo], lookout=lookout).tracks
    assert (track.action == "keep") == kept
    assert any("may be" in doubt for doubt in track.doubts) == said
    (track,) = plan_video(path, only=[photo], lookout=lookout).tracks
    assert (track.action != "keep") == hidden_only
    with pytest.raises(InputError, match="both"):
        plan_video(path, keep=[photo], only=[photo], lookout=lookout)
    Image.new("RGB", (256, 256)).save(photo)
    with pytest.raises(InputError, match="one face"):
        plan_video(path, keep=[photo], lookout=lookout)


def test_zones_spans_and_sizes(tmp_path, lookout):
    from synthaug.faces.plan import read_plan
    from synthaug.faces.zones import Zone

    path, out = film(tmp_path / "a.mp4"), tmp_path / "plan.jsonl"
    zone = Zone(5, 5, 20, 20, start=0.1, stop=0.2)
    plan = plan_video(
        path, out, boxes=tmp_path / "boxes.csv", zones=[zone], between=[(0.16, 0.3)],
        smallest=500, lookout=lookout,
    )  # fmt: skip
    face, box = plan.tracks
    assert (face.first, len(face.spots), face.action) == (4, 4, "cover")
    assert "below 500" in face.doubts[-1]
    assert (box.first, len(box.spots), box.action) == (3, 3, "cover")
    assert box.spots[0].source == "by hand"
    assert len(read_plan(out).tracks) == 2
    assert len((tmp_path / "boxes.csv").read_text().splitlines()) == 8
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    with pytest.raises(InputError, match="--force"):
        plan_video(path, out, lookout=lookout)
    with pytest.raises(InputError, match="zone"):
        plan_video(path, zones=[Zone(500, 0, 10, 10)], lookout=lookout)
