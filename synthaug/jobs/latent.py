"""The stories of ``interpolate``, ``mix``, ``walk``, ``project``, ``direction`` and ``edit``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from synthaug import latent
from synthaug.datasets import write_png
from synthaug.datasets.png import encode_png
from synthaug.datasets.writing import new_folder, refuse_if_taken
from synthaug.errors import InputError
from synthaug.jobs.outputs import file_to_write, in_place
from synthaug.jobs.train import load_generator
from synthaug.latent.codes import Codes, Space
from synthaug.latent.direction import By, Direction
from synthaug.latent.video import refuse_rate
from synthaug.provenance import Provenance, latent_seed
from synthaug.training import Callback, Generator, Progress, tell

__all__ = ["Projected", "direction", "edit", "interpolate", "mix", "project", "walk"]

_MOST_FRAMES = 50_000


@dataclasses.dataclass(frozen=True)
class Projected:
    """What ``project`` wrote and found.

    Args:
        folder: holds ``latent.safetensors``, ``reconstruction.png``, ``target.png`` and
            ``projection.json``.
        class_name: the class given, or the one whose draws came nearest.
        note: how the image was brought to the generator's size.
        error: distance of reconstruction and target; see `synthaug.latent.Likeness`.
        pixel_error: root mean square difference, levels of 255.
        drawn_error: distance of the nearest random draw.
    """

    folder: Path
    class_name: str
    note: str
    error: float
    pixel_error: float
    drawn_error: float


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """Images by class and number, as ``sample`` numbers them, in a generator."""

    generator: Generator
    names: list[str]
    numbers: list[int]
    seed: int

    @property
    def labels(self) -> list[int]:
        return [latent.label_of(self.generator, name) for name in self.names]

    @property
    def seeds(self) -> list[int]:
        pairs = zip(self.names, self.numbers, strict=True)
        return [latent_seed(self.seed, name, number) for name, number in pairs]

    def codes(self, space: Space, truncation_psi: float) -> Codes:
        return latent.locate(
            self.generator, self.labels, self.seeds, space=space, truncation_psi=truncation_psi
        )

    def origin(self, tool: str) -> Provenance:
        images = ", ".join(
            f"{name} {number}" for name, number in zip(self.names, self.numbers, strict=True)
        )
        return Provenance(
            kind="gan", class_name=self.names[0], index=self.numbers[0],
            latent_seed=self.seeds[0], generator=self.generator.sha256,
            recipe=str(self.generator.card.get("recipe", "")), version=version("synthaug"),
            tool=f"{tool}: {images} of seed {self.seed}",
        )  # fmt: skip


def interpolate(
    generator: str | Path, *, class_names: Sequence[str], out: str | Path,
    numbers: Sequence[int] = (0, 1), steps: int = 8, seed: int = 0, space: Space = "auto",
    truncation_psi: float = 1.0,
) -> Path:  # fmt: skip
    """A picture of the ways from image to image, a row a way; see `latent.interpolate`.

    Args:
        generator: its folder.
        class_names: of the images; one for all, or one each.
        out: the PNG file.
        numbers: of the images, as `sample` numbers them; one for all, or one each.
        steps: images a way.
        seed: as in `sample`.
        space: ``"w"``, ``"z"`` or ``"auto"``.
        truncation_psi: as in `sample`.

    Raises:
        InputError: arguments that cannot be used; nothing is written.
    """
    path = file_to_write(out, ".png")
    drawn = _drawn(load_generator(generator), class_names, numbers, seed)
    images = latent.interpolate(
        drawn.generator, drawn.labels, drawn.seeds, steps=steps, space=space,
        truncation_psi=truncation_psi,
    )  # fmt: skip
    write_png(
        in_place(path),
        latent.tiled(images.flatten(0, 1), columns=steps),
        drawn.origin("interpolate"),
    )
    return path


def mix(
    generator: str | Path, *, class_names: Sequence[str], out: str | Path,
    rows: Sequence[int] = (0, 1, 2, 3), columns: Sequence[int] = (4, 5, 6, 7),
    cut: int | None = None, seed: int = 0, truncation_psi: float = 1.0,
) -> Path:  # fmt: skip
    """A picture of mixed styles: coarse ones of the first column, fine ones of the first row.

    Args:
        generator: its folder; one with styles.
        class_names: of rows and columns; one for both, or two.
        out: the PNG file.
        rows: numbers of the images that give the coarse styles.
        columns: numbers of the images that give the fine styles.
        cut: layers whose styles come from the row; half by default.
        seed: as in `sample`.
        truncation_psi: as in `sample`.

    Raises:
        InputError: arguments that cannot be used; nothing is written.
    """
    path = file_to_write(out, ".png")
    model = load_generator(generator)
    names = list(class_names)
    if len(names) not in (1, 2):
        raise InputError(
            "classes", expected="one, or one for rows and one for columns", got=str(len(names)),
            where="--class", remedy="Name one or two.",
        )  # fmt: skip
    coarse, fine = (
        _drawn(model, [name], numbers, seed)
        for name, numbers in ((names[0], rows), (names[-1], columns))
    )
    sources = coarse.codes("auto", truncation_psi), fine.codes("auto", truncation_psi)
    mixed = latent.mix(model, *sources, cut=cut)
    left, top = (latent.draw(model, codes) for codes in sources)
    corner = torch.zeros_like(top[:1])
    body = [torch.cat([corner, top])]
    body += [torch.cat([left[row : row + 1], mixed[row]]) for row in range(len(left))]
    both = dataclasses.replace(
        coarse, names=coarse.names + fine.names, numbers=coarse.numbers + fine.numbers
    )
    write_png(
        in_place(path), latent.tiled(torch.cat(body), columns=1 + len(top)), both.origin("mix")
    )
    return path


def walk(
    generator: str | Path, *, class_names: Sequence[str], out: str | Path,
    numbers: Sequence[int] = (0, 1, 2, 3, 4), seconds: float = 10.0, fps: float = 24.0,
    seed: int = 0, space: Space = "auto", truncation_psi: float = 1.0,
    callbacks: Sequence[Callback] = (),
) -> int:  # fmt: skip
    """A video of a smooth closed walk past images; see `latent.walk`.

    Args:
        generator: its folder.
        class_names: of the images; one for all, or one each.
        out: the MP4 file.
        numbers: of the images, as `sample` numbers them; at least two.
        seconds: length.
        fps: frames a second.
        seed: as in `sample`.
        space: ``"w"``, ``"z"`` or ``"auto"``.
        truncation_psi: as in `sample`.
        callbacks: told of progress.

    Returns:
        The number of frames.

    Raises:
        InputError: arguments that cannot be used; nothing is written.
    """
    path = file_to_write(out, ".mp4")
    refuse_rate(fps)
    if not 0 < seconds * fps <= _MOST_FRAMES or round(seconds * fps) < 2:
        raise InputError(
            "length", expected=f"2 to {_MOST_FRAMES:,} frames",
            got=f"{seconds:g} s of {fps:g} frames", where="--seconds", remedy="Use 10.",
        )  # fmt: skip
    frames = round(seconds * fps)
    drawn = _drawn(load_generator(generator), class_names, numbers, seed)
    parts = latent.loop(drawn.generator, drawn.codes(space, truncation_psi), frames=frames)

    def told() -> Iterator[Tensor]:
        done = 0
        for part in parts:
            yield part
            done += len(part)
            tell(callbacks, Progress(
                phase="walk", images_seen=done, total=frames, unit="frames",
            ))  # fmt: skip

    return latent.save_video(in_place(path), told(), fps=fps, provenance=drawn.origin("walk"))


def project(
    generator: str | Path, image: str | Path, *, out: str | Path, class_name: str | None = None,
    steps: int = 200, crop: bool = False, seed: int = 0, space: Space = "auto",
    callbacks: Sequence[Callback] = (),
) -> Projected:  # fmt: skip
    """The point whose image is nearest to a given one, in a folder; see `latent.project`.

    Args:
        generator: its folder.
        image: a file of any size.
        out: folder to write; it appears when the work is over.
        class_name: None tries all classes.
        steps: of descent.
        crop: take the central square, where training images were squashed.
        seed: of the draws it starts from.
        space: ``"w"``, ``"z"`` or ``"auto"``.
        callbacks: told of progress.

    Raises:
        InputError: no image, or arguments that cannot be used; nothing is written.
    """
    target = Path(out)
    refuse_if_taken(target, force=False)
    model = load_generator(generator)
    labels = None if class_name is None else [latent.label_of(model, class_name)]
    picture, note = latent.read_image(image, model, crop=crop)
    found = latent.project(
        model, picture[None], labels, steps=steps, seed=seed, space=space, callbacks=callbacks
    )
    name = model.classes[int(found.codes.labels[0])]
    result = Projected(
        target, name, note, float(found.error[0]), float(found.pixel_error[0]),
        float(found.drawn_error[0]),
    )  # fmt: skip
    origin = dataclasses.replace(
        _drawn(model, [name], [0], seed).origin("project"),
        latent_seed=seed, tool="project: point found by descent",
    )  # fmt: skip
    facts = dataclasses.asdict(result) | {"generator": model.sha256, "steps": steps, "seed": seed}
    del facts["folder"]
    with new_folder(target) as folder:
        latent.save_codes(folder / "latent.safetensors", found.codes, model)
        write_png(folder / "reconstruction.png", found.images[0], origin)
        (folder / "target.png").write_bytes(encode_png(picture))
        (folder / "projection.json").write_text(json.dumps(facts, indent=1) + "\n")
    return result


def direction(
    generator: str | Path, *, having: str | Path, lacking: str | Path, out: str | Path,
    class_names: Sequence[str] = (), by: By = "draw", draws: int = 512, seed: int = 0,
    space: Space = "auto", callbacks: Sequence[Callback] = (),
) -> Direction:  # fmt: skip
    """An attribute as a direction, from two folders; see `latent.find_direction`.

    Args:
        generator: its folder.
        having: folder of images with the attribute.
        lacking: folder of images without it.
        out: the safetensors file; its name becomes the attribute's.
        class_names: classes to learn on; all by default.
        by: ``"draw"`` or ``"project"``.
        draws: random images to score.
        seed: of the draws.
        space: ``"w"``, ``"z"`` or ``"auto"``.
        callbacks: told of progress.

    Raises:
        InputError: folders that cannot be used or told apart; nothing is written.
    """
    path = file_to_write(out, ".safetensors")
    model = load_generator(generator)
    labels = [latent.label_of(model, name) for name in class_names] or None
    found = latent.find_direction(
        model, latent.read_folder(having, model), latent.read_folder(lacking, model),
        name=path.stem, labels=labels, by=by, draws=draws, seed=seed, space=space,
        callbacks=callbacks,
    )  # fmt: skip
    found.save(in_place(path))
    return found


def edit(
    generator: str | Path, *, direction: str | Path, out: str | Path,
    strengths: Sequence[float] = (-2.0, -1.0, 0.0, 1.0, 2.0), class_names: Sequence[str] = (),
    numbers: Sequence[int] = (0, 1, 2, 3), points: str | Path | None = None, seed: int = 0,
    truncation_psi: float = 1.0,
) -> Path:  # fmt: skip
    """A picture of images with an attribute weaker and stronger, a row an image.

    Args:
        generator: its folder.
        direction: file that `direction` wrote.
        out: the PNG file.
        strengths: in standard deviations of what the generator draws; one a column.
        class_names: of the images; one for all, or one each.
        numbers: of the images, as `sample` numbers them.
        points: ``latent.safetensors`` that `project` wrote, in place of class and numbers.
        seed: as in `sample`.
        truncation_psi: as in `sample`.

    Raises:
        InputError: a direction of another generator, or arguments that cannot be used;
            nothing is written.
    """
    path = file_to_write(out, ".png")
    model = load_generator(generator)
    found = Direction.load(direction)
    found.refuse_other(model)
    if (points is None) == (not class_names):
        raise InputError(
            "images to edit", expected="a class or a file of points",
            got="neither" if points is None else "both", where="--class, --latent",
            remedy="Name one of them.",
        )  # fmt: skip
    if points is not None:
        codes = latent.load_codes(points, model)
        drawn = _drawn(model, [model.classes[int(codes.labels[0])]], [0], seed)
        origin = dataclasses.replace(drawn.origin(""), tool=f"edit {found.name}: points of a file")
    else:
        drawn = _drawn(model, class_names, numbers, seed)
        codes, origin = drawn.codes(_space(found), truncation_psi), drawn.origin(
            f"edit {found.name}"
        )  # fmt: skip
    images = latent.edit(model, codes, found, strengths)
    write_png(in_place(path), latent.tiled(images.flatten(0, 1), columns=len(strengths)), origin)
    return path


def _space(found: Direction) -> Space:
    return "w" if found.space == "w" else "z"


def _drawn(
    model: Generator, class_names: Sequence[str], numbers: Sequence[int], seed: int
) -> _Drawn:
    """Classes and numbers joined, one for all or one each."""
    names, chosen = list(class_names), list(numbers)
    if not names or not chosen or min(chosen) < 0:
        raise InputError(
            "images", expected="at least one class and numbers from 0",
            got=f"{len(names)} classes, numbers {chosen}", where="--class, --images",
            remedy="Write --class NAME --images 0,1.",
        )  # fmt: skip
    count = max(len(names), len(chosen))
    if len(names) not in (1, count) or len(chosen) not in (1, count):
        raise InputError(
            "images", expected="one class for all, or one a number",
            got=f"{len(names)} classes and {len(chosen)} numbers", where="--class, --images",
            remedy="Repeat --class as often as there are numbers.",
        )  # fmt: skip
    for name in names:
        latent.label_of(model, name)
    return _Drawn(
        model, names * (count if len(names) == 1 else 1),
        chosen * (count if len(chosen) == 1 else 1), seed,
    )  # fmt: skip
