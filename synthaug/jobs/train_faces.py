"""The story of ``synthaug train faces``: from photographs of people to a face generator."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthaug.datasets.decode import BadImage, decode
from synthaug.datasets.folder import images_below
from synthaug.datasets.limits import Limits
from synthaug.errors import InputError
from synthaug.faces import Detector, default_detectors
from synthaug.faces.geometry import oval
from synthaug.faces.openness import Openness
from synthaug.faces.tracks import Source, Spot
from synthaug.facts import CurvePoint
from synthaug.features import Extractor, embedded
from synthaug.gates import judge, sample
from synthaug.jobs.fitting import device_named, loaded, planned
from synthaug.jobs.train import refuse_taken
from synthaug.jobs.work import work_folder
from synthaug.metrics import frechet_distance, kid
from synthaug.replacing.average import AVERAGE_FILE
from synthaug.replacing.fitting import fit_model
from synthaug.replacing.game import surroundings
from synthaug.replacing.generated import GENERATED_FILE
from synthaug.replacing.photos import FacePhotos, Photo, photo
from synthaug.replacing.routine import face_routine
from synthaug.training import Callback, Progress, Run, Seen, Shape, Trainer, fit, parse_budget, tell
from synthaug.verdict import Verdict
from synthaug.weights.kept import write_network

__all__ = ["TrainedFaces", "train_faces"]

SIZES = (64, 128, 256)
_FEWEST = 40
_APART = 0.07
_LOOK_FACES = 256
_COPY_FACES = 2000
_SMALLEST = 32.0
_ENLARGED = 320


@dataclasses.dataclass(frozen=True)
class TrainedFaces:
    """A trained face generator, saved.

    Args:
        folder: what ``synthaug anonymize --generator`` takes.
        sha256: of the generator's weights.
        photographs: trained on.
        people: in them.
        curve: looks during training.
        floor: Fréchet distance and KID between real faces of equal number.
        copies: what the copy gate says of drawn faces against the training faces.
        skipped: pictures without a face, or unreadable.
    """

    folder: Path
    sha256: str
    photographs: int
    people: int
    curve: tuple[CurvePoint, ...]
    floor: tuple[float, float]
    copies: Verdict
    skipped: int


def train_faces(
    data: str | Path,
    *,
    out: str | Path,
    size: int = 128,
    budget: str | float = "1h",
    leave_out: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = True,
    force: bool = False,
    detector: Detector | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainedFaces:
    """A face generator trained on photographs one may use, saved in ``out``.

    The largest face of each picture counts. A fifteenth of the people is kept apart; the
    weights handed over are those whose faces, drawn for these people's surroundings, lie
    nearest to real ones in Fréchet distance. The copy gate judges drawn faces.

    Args:
        data: a folder or ZIP file of pictures; those in one folder show one person, those at
            the top one each.
        out: folder to write; appears when training is over.
        size: side of the crops, 64, 128 or 256 pixels.
        budget: ``"1h"``, ``"60000 images"``, ...
        leave_out: CSV file whose column ``person`` names folders that are never looked at.
        seed: of everything random.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        resume: go on from an interrupted call of the same kind.
        force: replace what stands at ``out``.
        detector: finds the faces; the first of `synthaug.faces.default_detectors`.
        callbacks: told of progress.

    Raises:
        InputError: data or arguments that cannot be used; nothing is written.
        Stopped: interrupted; the same call goes on.
    """
    if size not in SIZES:
        raise InputError(
            "size", expected="64, 128 or 256", got=str(size), remedy="Pass one of them."
        )
    target, amount, chosen = Path(out), parse_budget(budget), device_named(device)
    refuse_taken(target, force, "a face generator")
    pictures = list(_pictures(Path(data), _named(leave_out)))
    photos, skipped = _faces(pictures, size, detector or default_detectors()[0], callbacks)
    if len(photos) < _FEWEST:
        raise InputError(
            "photographs", expected=f"at least {_FEWEST} with a face", got=str(len(photos)),
            where=str(data), remedy="Give more pictures.", code="input.faces",
        )  # fmt: skip
    images = FacePhotos(photos, size, seed=seed)
    train, apart = _parted(photos, seed)
    extractor = embedded(chosen)
    with work_folder(target, resume=resume) as work:
        model = fit_model(images, train)
        routine = face_routine(model)
        watch = _Watch(images, train, apart, extractor, seed)

        def make(count: int) -> Trainer:
            shape = Shape(1, 3, size, num_attributes=14)
            run = Run(routine, shape, count, seed, chosen)
            return Trainer(run, images, images.rows(train, range(8)))

        data_hash = _hash(photos, train)
        plan = planned(
            make, watch, data=data_hash, routine=routine, budget=amount, seed=seed, work=work,
            callbacks=callbacks,
        )  # fmt: skip
        trainer = make(plan["images"])
        fitted = fit(
            trainer, checkpoint=work / "checkpoint.pt", look=watch, looks=plan["looks"],
            fingerprint=trainer.run.fingerprint(data_hash), callbacks=callbacks,
        )  # fmt: skip
        generator: Any = loaded(trainer.averages, fitted.weights)["generator"]
        part = work / "faces"
        part.mkdir(exist_ok=True)
        sha256 = write_network(generator, part / GENERATED_FILE)
        write_network(generator.model, part / AVERAGE_FILE)
        made = TrainedFaces(
            target, sha256, len(train), len({photos[i].person for i in train}),
            tuple(fitted.curve), watch.floor,
            copies_of(generator, images, train, apart, extractor, seed=seed), skipped,
        )  # fmt: skip
        _tell(made, part, size=size, seconds=fitted.seconds)
        if target.exists():
            shutil.rmtree(target)
        part.replace(target)
    return made


def copies_of(
    generator: nn.Module, images: FacePhotos, train: NDArray[np.int64],
    apart: NDArray[np.int64], extractor: Extractor, *, seed: int = 0,
) -> Verdict:  # fmt: skip
    """What the copy gate says of drawn faces, their surroundings blanked, against training faces.

    Faces are drawn into the rings of one half of the people kept apart; the other half's real
    faces are those that cannot have been copied.
    """
    rng = np.random.default_rng(seed)
    person = np.array([images.photos[i].person for i in apart])
    first = np.isin(person, rng.permutation(np.unique(person))[::2])
    rings, heldout = apart[first], apart[~first]
    trained = np.sort(rng.permutation(train)[:_COPY_FACES])
    side = images.resolution
    inside = torch.from_numpy(oval(side).copy())

    def alone(crops: Tensor) -> Tensor:
        return torch.where(inside, crops, torch.tensor(127, dtype=torch.uint8))

    many = np.resize(rings, max(len(rings), min(2 * len(heldout), _COPY_FACES)))
    drawn = drawn_faces(generator, images, images.rows(many, (0,)), seed=seed)
    parts = [
        sample(
            (alone(crops).numpy(), np.zeros(len(crops), np.int64)), extractor=extractor,
            groups=groups,
        )
        for crops, groups in (
            (images.read(images.rows(trained, (0,))), _people(images, trained)),
            (images.read(images.rows(heldout, (0,))), _people(images, heldout)),
            (drawn, None),
        )
    ]  # fmt: skip
    verdicts = judge(train=parts[0], heldout=parts[1], generated=parts[2], seed=seed)
    return next(v for v in verdicts if v.gate == "copy" and v.scope == "set")


def drawn_faces(
    generator: nn.Module, images: FacePhotos, rows: NDArray[np.int64], *, seed: int
) -> Tensor:
    """A face of a random person for each row's surroundings, uint8 (N, 3, R, R)."""
    network: Any = generator
    assert images.attributes is not None
    source = torch.Generator().manual_seed(seed)
    latents = torch.randn(len(rows), network.z_dim, generator=source)
    device = next(generator.parameters()).device
    made = []
    for at in range(0, len(rows), 32):
        around, _ = surroundings(images.read(rows[at : at + 32]).float().div(127.5).sub(1))
        told = torch.from_numpy(images.attributes[rows[at : at + 32]]).to(device)
        with torch.inference_mode():
            person = network.model.person(latents[at : at + 32].to(device))
            crops = generator(around.to(device), person, told)
        made.append(crops.add(1).mul(127.5).round().clamp(0, 255).to("cpu", torch.uint8))
    return torch.cat(made)


class _Watch:
    """Looks at a generator: its faces for people kept apart, beside real faces of others."""

    def __init__(
        self, images: FacePhotos, train: NDArray[np.int64], apart: NDArray[np.int64],
        extractor: Extractor, seed: int,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(seed)
        self.images, self.extractor, self.seed = images, extractor, seed
        self.rows = images.rows(np.sort(rng.permutation(apart)[:_LOOK_FACES]), (0,))
        others = images.rows(np.sort(rng.permutation(train)[: len(self.rows)]), (0,))
        self.real = extractor(images.read(self.rows))
        real = extractor(images.read(others))
        self.floor = (float(frechet_distance(self.real, real)), float(kid(self.real, real)[0]))

    def __call__(self, networks: Mapping[str, nn.Module]) -> Seen:
        made = drawn_faces(networks["generator"], self.images, self.rows, seed=self.seed)
        seen = self.extractor(made)
        distance = float(frechet_distance(self.real, seen))
        return Seen(distance, distance, float(kid(self.real, seen)[0]))


def _pictures(data: Path, without: frozenset[str]) -> Iterator[tuple[str, str, Path | bytes]]:
    """Person, name and content of each picture; a person is a folder."""
    if data.is_dir():
        names, _ = images_below(data)
        for name in names:
            person = _person(name)
            if person not in without:
                yield person, name, data / name
        return
    try:
        archive = zipfile.ZipFile(data)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            "photographs", expected="a folder or a ZIP file of pictures", got="neither",
            where=str(data), remedy="Give one of them.", code="input.faces",
        ) from error  # fmt: skip
    with archive:
        for name in sorted(archive.namelist()):
            person = _person(name)
            if person not in without and name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
                yield person, name, archive.read(name)


def _person(name: str) -> str:
    path = PurePosixPath(name)
    return path.parent.name or path.name


def _named(leave_out: str | Path | None) -> frozenset[str]:
    if leave_out is None:
        return frozenset()
    try:
        with Path(leave_out).open(newline="") as file:
            return frozenset(row["person"] for row in csv.DictReader(file))
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            "people to leave out", expected="a CSV file with the column person",
            got=str(error) or type(error).__name__, where=str(leave_out),
            remedy="Name the folders in that column.", code="input.faces",
        ) from error  # fmt: skip


def _faces(
    pictures: Sequence[tuple[str, str, Path | bytes]], size: int, detector: Detector,
    callbacks: Sequence[Callback],
) -> tuple[list[Photo], int]:  # fmt: skip
    """The largest face of each picture, and how many pictures have none."""
    reader = Openness()
    numbers = {person: number for number, person in enumerate(sorted({p for p, _, _ in pictures}))}
    photos: list[Photo] = []
    for done, (person, name, content) in enumerate(pictures, 1):
        try:
            pixels = decode(content, name, Limits()).pixels
        except BadImage:
            continue
        picture = np.ascontiguousarray(np.broadcast_to(
            pixels if pixels.ndim == 3 else pixels[..., None], (*pixels.shape[:2], 3)
        ))  # fmt: skip
        spot = _largest(picture, detector)
        if spot is not None:
            mouth, eyes = map(float, reader(picture, [spot])[0])
            photos.append(
                photo(picture, spot, (mouth, eyes), resolution=size, person=numbers[person])
            )
        tell(callbacks, Progress(phase="find faces", images_seen=done, total=len(pictures)))
    return photos, len(pictures) - len(photos)


def _largest(picture: NDArray[np.uint8], detector: Detector) -> Spot | None:
    """The largest face that is large enough to learn from."""
    import cv2

    times = max(1, -(-_ENLARGED // max(picture.shape[:2])))
    shown = cv2.resize(picture, None, fx=times, fy=times) if times > 1 else picture
    found = detector(np.asarray(shown, np.uint8)).moved(1 / times)
    if not len(found):
        return None
    row = int(found.boxes[:, 2:].prod(1).argmax())
    if found.boxes[row, 3] < _SMALLEST:
        return None
    return Spot(found.boxes[row], found.points[row], float(found.scores[row]), Source.DETECTED)


def _parted(photos: Sequence[Photo], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Photographs to learn from, and those of people kept apart."""
    person = np.array([each.person for each in photos])
    people = np.random.default_rng(seed).permutation(np.unique(person))
    apart = np.isin(person, people[: max(4, round(_APART * len(people)))])
    if apart.all() or apart.sum() < 4:
        raise InputError(
            "photographs", expected="more than four people", got=str(len(people)),
            remedy="Put each person's pictures into a folder of their own.", code="input.faces",
        )  # fmt: skip
    return np.flatnonzero(~apart), np.flatnonzero(apart)


def _people(images: FacePhotos, which: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([images.photos[i].person for i in which], np.int64)


def _hash(photos: Sequence[Photo], train: NDArray[np.int64]) -> str:
    digest = hashlib.sha256(train.tobytes())
    for each in photos:
        digest.update(each.encoded)
    return digest.hexdigest()


def _tell(made: TrainedFaces, folder: Path, *, size: int, seconds: float) -> None:
    """Write the curve and the model card; ``config.json`` says what the folder is."""
    points = ["images_seen,seconds,frechet,kid"] + [
        f"{p.images_seen},{p.seconds:.0f},{p.frechet:.2f},{p.kid}" for p in made.curve
    ]
    (folder / "curve.csv").write_text("\n".join(points) + "\n")
    (folder / "config.json").write_text('{"product": "face generator"}\n')
    best = min(made.curve, key=lambda point: point.score)
    copies = made.copies
    (folder / "README.md").write_text(
        "# Face generator\n\n"
        "Draws a face from the ring around it, coarse conditions and a latent; it never sees "
        "the face it replaces.\n\n| fact | value |\n|---|---|\n"
        f"| weights | sha256 {made.sha256} |\n| size | {size} px |\n"
        f"| trained on | {made.photographs:,} photographs of {made.people:,} people |\n"
        f"| training | {seconds / 3600:.2f} h, {made.curve[-1].images_seen:,} images |\n"
        f"| Fréchet distance, KID | {best.frechet:.1f}, {best.kid} (real faces among "
        f"themselves {made.floor[0]:.1f}, {made.floor[1]:.4f}) |\n"
        f"| copies of training faces | {copies.status}: {copies.why} |\n"
        f"| synthaug | {version('synthaug')} |\n\n"
        "Drawn faces resemble the people in the training photographs taken together; the right "
        "to use them is bounded by the rights in those photographs.\n\n"
        "```bash\nsynthaug anonymize video.mp4 --generator PATH\n```\n"
    )
