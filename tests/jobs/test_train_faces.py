"""A face generator is trained on drawn faces, kept, judged for copies, and used."""

from __future__ import annotations

import zipfile

import cv2
import numpy as np
import pytest

from synthaug.cli.app import run
from synthaug.errors import Damaged, InputError, Stopped
from synthaug.faces.conditions import conditions
from synthaug.faces.detections import Detections
from synthaug.faces.geometry import placement
from synthaug.faces.tracks import Source, Spot
from synthaug.jobs.train_faces import train_faces
from synthaug.replacing.average import AverageFace
from synthaug.replacing.generated import GeneratedFace
from synthaug.replacing.rung import hidden
from synthaug.training import Progress
from synthaug.verdict import Verdict

BOX = np.array([[28.0, 22.0, 40.0, 52.0]], np.float32)
POINTS = np.array([[[38, 42], [58, 42], [48, 54], [40, 64], [56, 64]]], np.float32)


class Finder:
    """Knows where drawn faces are."""

    name, sha256 = "by hand", ""

    def __call__(self, image: np.ndarray) -> Detections:
        times = len(image) / 96
        if image.mean() > 250:
            return Detections.none()
        return Detections(BOX * times, POINTS * times, np.ones(1, np.float32))


def cartoon(person: int, take: int) -> np.ndarray:
    """Nobody: ellipses of a person's own colours, elsewhere lit in each take."""
    rng = np.random.default_rng((person, take))
    own = np.random.default_rng(person)
    picture = np.full((96, 96, 3), rng.integers(20, 200, 3), np.uint8)
    skin = tuple(int(x) for x in own.integers(90, 220, 3))
    cv2.ellipse(picture, (48, 48), (int(own.integers(17, 23)), 27), 0, 0, 360, skin, -1)
    for x in (38, 58):
        cv2.circle(picture, (x, 42), int(own.integers(2, 5)), (20, 20, 20), -1)
    cv2.ellipse(picture, (48, 64), (8, int(rng.integers(1, 6))), 0, 0, 360, (60, 20, 30), -1)
    noise = rng.normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 240).astype(np.uint8)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces") / "people"
    for person in range(16):
        (folder / f"person{person}").mkdir(parents=True)
        for take in range(4):
            cv2.imwrite(str(folder / f"person{person}/{take}.png"), cartoon(person, take))
    cv2.imwrite(str(folder / "person1/blank.png"), np.full((96, 96, 3), 255, np.uint8))
    (folder / "person2/broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def trained(people, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "faces"
    return train_faces(people, out=out, size=64, budget="64 images", detector=Finder())


def test_it_says_what_it_was_trained_on(trained):
    assert trained.photographs == 48
    assert trained.people == 12
    assert trained.skipped == 2
    assert trained.curve[-1].images_seen == 64
    assert isinstance(trained.copies, Verdict)
    assert trained.copies.gate == "copy"
    card = (trained.folder / "README.md").read_text()
    assert "48 photographs of 12 people" in card
    assert trained.copies.why in card
    assert (trained.folder / "curve.csv").read_text().startswith("images_seen,seconds")


def test_both_rungs_can_be_used(trained):
    picture = cartoon(99, 0)
    spot = Spot(BOX[0], POINTS[0], 1.0, Source.DETECTED)
    for make in (GeneratedFace, AverageFace):
        rung = make(trained.folder)
        assert rung.resolution == 64
        latent = np.zeros(rung.z_dim, np.float32)
        one = hidden(picture, placement(spot), conditions(spot), latent, 64)
        assert rung([one])[0].std() > 5
    assert GeneratedFace(trained.folder).sha256 == trained.sha256


@pytest.mark.slow
def test_a_zip_without_some_people_and_a_second_time(people, tmp_path):
    archive = tmp_path / "people.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(people.rglob("*.png")):
            file.write(path, path.relative_to(people))
    without = tmp_path / "without.csv"
    without.write_text("person,n\nperson3,4\nperson4,4\n")
    call = {"out": tmp_path / "out", "size": 64, "budget": "32 images", "detector": Finder(),
            "leave_out": without}  # fmt: skip
    made = train_faces(archive, **call)
    assert made.photographs + 4 * 4 == 4 * 14
    with pytest.raises(InputError, match="--force"):
        train_faces(archive, **call)
    again = train_faces(archive, **call, force=True)
    assert again.sha256 == made.sha256


@pytest.mark.slow
def test_an_interrupted_run_goes_on(people, tmp_path):
    class Stop:
        def on_progress(self, event: Progress) -> None:
            if event.phase == "train":
                raise Stopped("enough")

    call = {"size": 64, "budget": "48 images", "detector": Finder()}
    with pytest.raises(Stopped):
        train_faces(people, out=tmp_path / "out", **call, callbacks=(Stop(),))
    made = train_faces(people, out=tmp_path / "out", **call)
    whole = train_faces(people, out=tmp_path / "whole", **call)
    assert made.sha256 == whole.sha256


def test_what_cannot_be_used_is_refused(people, tmp_path):
    with pytest.raises(InputError, match="a folder or a ZIP file"):
        train_faces(people / "person2/broken.png", out=tmp_path / "a", detector=Finder())
    with pytest.raises(InputError, match="at least 40 with a face, got 4"):
        train_faces(people / "person0", out=tmp_path / "b", detector=Finder())
    with pytest.raises(InputError, match="64, 128 or 256"):
        train_faces(people, out=tmp_path / "c", size=100)
    with pytest.raises(InputError, match="column person"):
        train_faces(people, out=tmp_path / "d", leave_out=tmp_path / "none.csv")
    assert not list(tmp_path.iterdir())


def test_a_damaged_generator_is_refused(trained, tmp_path):
    path = tmp_path / "generated.safetensors"
    path.write_bytes((trained.folder / "generated.safetensors").read_bytes()[:5000])
    with pytest.raises(Damaged, match="train faces"):
        GeneratedFace(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("size", [128, 256])
def test_the_model_cards_command_from_nothing(size, shared, tmp_path):
    """A few of its photographs and steps; the faces are used afterwards."""
    few, out = tmp_path / "few.zip", tmp_path / "faces"
    with zipfile.ZipFile(shared / "faces/lfw.zip") as whole, zipfile.ZipFile(few, "w") as part:
        photos = [name for name in whole.namelist() if name.endswith(".jpg")]
        for name in photos[:90]:
            part.writestr(name, whole.read(name))
        (tmp_path / "photo.jpg").write_bytes(whole.read(photos[-1]))
    heldout = shared / "faces/heldout_people.csv"
    words = ["train", "faces", "--data", str(few), "--leave-out", str(heldout), "--out", str(out)]
    assert run([*words, "--size", str(size), "--budget", "32 images"]) == 0
    assert GeneratedFace(out).resolution == size
    hidden = tmp_path / "hidden.jpg"
    words = ["anonymize", str(tmp_path / "photo.jpg"), "-o", str(hidden), "--no-audit"]
    assert run([*words, "--generator", str(out)]) == 0
    assert hidden.is_file()
