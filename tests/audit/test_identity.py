"""Who is recognised, who is not, and when a recogniser's word counts for nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from synthaug.audit.galleries import Gallery, gallery_verdicts, read_gallery
from synthaug.audit.identity import Identity
from synthaug.errors import ExposedFace, InputError
from synthaug.faces.detections import Detections
from synthaug.jobs.anonymizing.audit import audit
from synthaug.verdict import Status

SAME = 0.6


def why(result, gate):
    return result.verdicts.of(gate=gate)[0].why


def status(result, gate):
    return result.verdicts.of(gate=gate)[0].status


class Constant:
    """Finds everybody alike."""

    name, sha256, same, other = "constant", "00" * 32, SAME, 0.3

    def __call__(self, image, faces):
        return np.ones((len(faces), 4), np.float32) / 2


class Dice:
    """Finds nobody alike, not even himself."""

    name, sha256, same, other = "dice", "11" * 32, SAME, 0.3

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __call__(self, image, faces):
        rows = self.rng.standard_normal((len(faces), 64)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def covered(case, tmp_path_factory):
    return case.hidden(tmp_path_factory.mktemp("identity") / "out.mp4")


def test_nobody_is_recognised_behind_a_cover(case, covered, recogniser):
    result = audit(case.source, covered, case.plan, recognisers=[recogniser])
    assert status(result, "identity") is Status.PASS
    assert status(result, "control") is Status.PASS
    (track,) = result.tracks
    assert track.control > track.same > track.similarity
    assert track.status == "PASS"
    assert result.recognisers == {"pixels": recogniser.sha256}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Constant, "takes pieces of faces for the same person"), (Dice, "does not know 1 of 1")],
)
def test_a_broken_recogniser_never_passes(case, covered, kind, reason):
    result = audit(case.source, covered, case.plan, recognisers=[kind()])
    assert status(result, "control") is Status.INCONCLUSIVE
    assert "the audit is broken" in why(result, "control")
    assert reason in why(result, "control")
    assert status(result, "identity") is not Status.PASS
    with pytest.raises(ExposedFace, match="the audit is broken") as raised:
        result.require(strict=True)
    assert raised.value.exit_code == 4


def test_a_broken_one_beside_a_sound_one_is_named(case, covered, recogniser):
    result = audit(case.source, covered, case.plan, recognisers=[recogniser, Dice()])
    assert status(result, "identity") is Status.PASS
    assert "left out, dice: it does not know" in why(result, "control")


def test_without_a_recogniser_identity_is_an_open_question(case, covered, recogniser):
    result = audit(case.source, covered, case.plan, recognisers=[])
    assert status(result, "identity") is Status.INCONCLUSIVE
    assert "models get mobilefacenet" in why(result, "identity")
    result.require()
    with pytest.raises(ExposedFace, match="cannot tell"):
        result.require(strict=True)
    trained = audit(
        case.source, covered, case.plan, recognisers=[recogniser],
        trained_with={recogniser.sha256},
    )  # fmt: skip
    assert "took part in training" in why(trained, "identity")


def people(n: int, seed: int = 0) -> np.ndarray:
    """Unit rows of n people who are strangers."""
    rows = np.random.default_rng(seed).standard_normal((n, 64))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class FirstRow:
    """Reads the numbers that stand in the first row of a picture."""

    name, sha256, same, other = "first row", "22" * 32, SAME, 0.3

    def __call__(self, image, faces):
        rows = image[0, :64, 0].astype(np.float32)[None] - 128
        return rows / np.linalg.norm(rows)


def shown(row: np.ndarray) -> np.ndarray:
    image = np.zeros((70, 70, 3), np.uint8)
    image[0, :64] = np.clip(row * 300 + 128, 0, 255).astype(np.uint8)[:, None]
    return image


def face() -> Detections:
    return Detections(
        np.array([[5, 5, 50, 50]], np.float32), np.ones((1, 5, 2), np.float32), np.ones(1)
    )


def gallery_of(rows: np.ndarray) -> Gallery:
    return Gallery([shown(row) for row in rows], [face()] * len(rows), np.arange(len(rows)), 0)


def seen(before: np.ndarray, after: np.ndarray) -> list[Identity]:
    return [
        Identity(number, "first row", frozenset({0}), 60.0, one[None], other[None], one[:0], SAME)
        for number, (one, other) in enumerate(zip(before, after, strict=True))
    ]


def test_the_naive_attacker_finds_what_is_not_hidden_and_guesses_otherwise():
    rows = people(50)
    (naive,) = gallery_verdicts(gallery_of(rows), FirstRow(), seen(rows[:6], rows[:6]), None)
    assert (naive.gate, naive.status, naive.statistic) == ("naive", Status.FAIL, 1.0)
    (naive,) = gallery_verdicts(gallery_of(rows), FirstRow(), seen(rows[:6], people(6, 9)), None)
    assert naive.status is Status.PASS


def test_the_parrot_attacker_sees_through_what_all_hidden_faces_share():
    rows, mask = people(50), people(1, 5)[0] * 4

    def hidden(row):
        made = row + mask
        return made / np.linalg.norm(made)

    def hide(image, faces):
        return shown(hidden(FirstRow()(image, faces)[0]))

    after = np.stack([hidden(row) for row in rows[:6]])
    naive, parrot = gallery_verdicts(gallery_of(rows), FirstRow(), seen(rows[:6], after), hide)
    assert parrot.status is Status.FAIL
    assert parrot.statistic >= naive.statistic


def test_strangers_alike_or_a_small_gallery_decide_nothing():
    rows = people(50)
    (one,) = gallery_verdicts(gallery_of(rows), Constant(), [], None)
    assert (one.status, "the audit is broken" in one.why) == (Status.INCONCLUSIVE, True)
    (few,) = gallery_verdicts(gallery_of(rows[:4]), FirstRow(), seen(rows[:1], people(1, 9)), None)
    assert few.status is Status.INCONCLUSIVE
    assert "people in the gallery would decide" in few.why
    (none,) = gallery_verdicts(gallery_of(rows), FirstRow(), seen(people(3, 8), rows[:3]), None)
    assert "nobody of the video is in the gallery" in none.why


def test_a_gallery_is_a_folder_a_person(tmp_path, detector):
    from skimage.data import astronaut

    for name in ("ann", "eve"):
        (tmp_path / name).mkdir()
        Image.fromarray(astronaut()[:300]).save(tmp_path / name / "1.png")
    (tmp_path / "eve" / "empty.jpg").write_bytes(b"")
    found = read_gallery(tmp_path, detector)
    assert (found.persons, found.skipped, found.labels.tolist()) == (2, 1, [0, 1])
    with pytest.raises(InputError, match="two people at least, got 1"):
        read_gallery(tmp_path / "ann", detector)
    with pytest.raises(InputError, match="a folder"):
        read_gallery(tmp_path / "nobody", detector)
