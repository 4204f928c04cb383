"""A picture: who stays, who is hidden, what is always covered, and what makes no sense in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

import synthaug
from synthaug.errors import InputError
from synthaug.faces import Detections
from synthaug.faces.zones import Zone

FACE = (slice(40, 190), slice(60, 200))


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    Image.fromarray(astronaut()[:256, 100:400]).save(path)
    return path


class Likeness:
    """Says how alike the picture's face is to the photograph's, which is 256 pixels wide."""

    name, sha256, same, other = "likeness", "0" * 64, 0.6, 0.2

    def __init__(self, likeness: float) -> None:
        self.likeness = likeness

    def __call__(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        rest = np.sqrt(1 - self.likeness**2)
        row = [1.0, 0.0] if image.shape[1] == 256 else [self.likeness, rest]
        return np.array([row] * len(faces), np.float32)


def changed(before: Path, after: Path) -> np.ndarray:
    pictures = [np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (before, after)]
    return np.abs(pictures[0] - pictures[1]).max(-1) > 0


def hidden(portrait: Path, **wishes: object) -> np.ndarray:
    out = portrait.with_name("out.png")
    synthaug.anonymize(portrait, out, seed=1, audit=False, force=True, **wishes)
    return changed(portrait, out)


@pytest.mark.parametrize(
    ("likeness", "kept", "only_hidden"),
    [(0.9, True, True), (0.4, False, True), (0.0, False, False)],
)
def test_who_may_be_another_is_hidden(portrait, monkeypatch, likeness, kept, only_hidden):
    from synthaug.jobs.anonymizing import people as anonymize_people

    monkeypatch.setattr(anonymize_people, "recognisers", lambda: [Likeness(likeness)])
    photo = portrait.with_name("photo.png")
    Image.fromarray(astronaut()[:256, 100:356]).save(photo)
    assert hidden(portrait, keep=[photo])[FACE].any() != kept
    assert hidden(portrait, only=[photo])[FACE].any() == only_hidden
    with pytest.raises(InputError, match="both"):
        hidden(portrait, keep=[photo], only=[photo])


def test_a_zone_is_covered_and_a_small_face_too(portrait):
    from synthaug.jobs.anonymizing.still import anonymize_still

    made, plan = anonymize_still(
        portrait, portrait.with_name("out.png"), zones=[Zone(5, 200, 40, 40)], smallest=500
    )
    face, zone = plan.tracks
    assert (face.action, zone.action) == ("cover", "cover")
    assert "below 500" in face.doubts[-1]
    assert all(set(rungs) == {"cover"} for rungs in made.rungs.values())
    difference = changed(portrait, made.output)
    assert difference[210:230, 15:35].mean() > 0.9
    assert difference[FACE].any()
    with pytest.raises(InputError, match="zone"):
        hidden(portrait, zones=[Zone(500, 0, 10, 10)])


def test_a_picture_has_no_seconds(portrait):
    with pytest.raises(InputError, match="picture, which has no seconds") as refused:
        hidden(portrait, between=[(0.0, 1.0)])
    assert refused.value.exit_code == 2
    assert not portrait.with_name("out.png").exists()


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".bmp"])
def test_the_mark_is_no_trace_of_anybody(portrait, ending):
    source = portrait.with_suffix(ending)
    Image.open(portrait).save(source)
    result = synthaug.anonymize(source, portrait.with_name(f"out{ending}"), seed=1)
    (verdict,) = (each for each in result.files[0].audit.verdicts if each.gate == "metadata")
    assert verdict.status == "PASS"


def test_a_picture_without_a_face_passes_its_audit(tmp_path):
    source, out = tmp_path / "wall.png", tmp_path / "out.png"
    rows = np.linspace(0, 255, 200).astype(np.uint8)
    Image.fromarray(np.repeat(np.repeat(rows[:, None, None], 240, 1), 3, -1)).save(source)
    result = synthaug.anonymize(source, out)
    assert result.exit_code == 0
    failed = [each.gate for each in result.files[0].audit.verdicts if each.status == "FAIL"]
    assert failed == []


class Shirts:
    """Tells people apart by the mean colour of the whole picture."""

    name, sha256, same, other = "shirts", "0" * 64, 0.99, 0.2

    def __call__(self, image: np.ndarray, faces: Detections) -> np.ndarray:
        row = np.tanh((image.mean((0, 1)) - image.mean()) / 9).astype(np.float32)
        return np.repeat((row / np.linalg.norm(row))[None], len(faces), 0)


@pytest.mark.parametrize("consistent", [True, False])
def test_a_person_has_one_new_face_in_all_pictures_where_it_is_asked(
    tmp_path, monkeypatch, consistent
):
    from synthaug.jobs.anonymizing import people as anonymize_people

    monkeypatch.setattr(anonymize_people, "recognisers", lambda: [Shirts()])
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    one = astronaut()[:256, 100:400]
    for name, shown in {"a": one, "b": one[..., ::-1], "c": one}.items():
        Image.fromarray(np.ascontiguousarray(shown)).save(folder / f"{name}.png")
    result = synthaug.anonymize(folder, out, consistent=consistent, audit=False)
    assert result.exit_code == 0
    a, b, c = (np.asarray(Image.open(out / f"{name}.png")).astype(int) for name in "abc")
    assert (a == c).all() == consistent
    assert np.abs(a - b[..., ::-1])[FACE].mean() > 1


def test_pictures_share_what_is_loaded(portrait, monkeypatch):
    from synthaug.faces.lookout import Lookout
    from synthaug.jobs.anonymizing import album as anonymize_album

    loaded: list[str] = []
    builders = {
        "Lookout": Lookout, "default_detectors": anonymize_album.default_detectors,
        "recognisers": anonymize_album.recognisers,
    }  # fmt: skip
    for name, build in builders.items():
        monkeypatch.setattr(
            anonymize_album, name, lambda name=name, build=build: loaded.append(name) or build()
        )
    for name in "abc":
        portrait.with_name(f"{name}.png").write_bytes(portrait.read_bytes())
    result = synthaug.anonymize(portrait.parent, portrait.parent / "out")
    assert len(result.outputs) == 4
    assert sorted(loaded) == sorted(builders)


def test_a_rung_that_is_left_is_said_for_every_picture(portrait):
    from synthaug.jobs.anonymizing.album import Album
    from synthaug.jobs.anonymizing.still import anonymize_still
    from synthaug.replacing.ladder import Ladder

    def missing() -> None:
        raise OSError("weights are damaged")

    album = Album()
    album.__dict__["_ladder"] = Ladder([("generated", missing)])
    for number in range(2):
        made, _ = anonymize_still(portrait, portrait.with_name(f"{number}.png"), album=album)
        assert made.warnings == ("generated is not used: weights are damaged",)
