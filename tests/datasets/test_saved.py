import csv
import errno
import json
import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from synthaug.arm import Arm
from synthaug.datasets.augmented import AugmentedDataset
from synthaug.datasets.naming import safe_names
from synthaug.datasets.opening import open as open_images
from synthaug.datasets.png import read_provenance
from synthaug.datasets.saved import load
from synthaug.errors import InputError, OutOfResources
from synthaug.facts import AugmentFacts
from synthaug.provenance import Provenance
from synthaug.verdict import Status, Verdict, Verdicts

ARM = Arm(name="GAN share 0.3", sampling="balanced", classical=True, gan_share=0.3)
COPY = Verdict(
    gate="copy", scope="set", status=Status.PASS, statistic=0.1, n_real=6, n_generated=3, null="",
)  # fmt: skip


class TinyGenerator:
    """A generator that is one file."""

    def save(self, directory):
        directory.mkdir()
        (directory / "config.json").write_text("{}")


def pictures(folder, classes=("crack", "free"), counts=(2, 4), mode="RGB"):
    for name, count in zip(classes, counts, strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.effect_noise((14 + number, 12), 60).convert(mode).save(
                folder / name / f"{name}{number}.jpg"
            )
    return folder


def augmented(source, **more):
    real = open_images(source)
    channels = {"L": 1, "RGB": 3}[real.mode]
    rng = torch.Generator().manual_seed(0)
    kinds = ["gan", "gan", "classical"]
    return AugmentedDataset(
        real,
        [torch.randint(0, 256, (channels, 16, 16), dtype=torch.uint8, generator=rng)] * 3,
        [0, 0, 0],
        kinds,
        [
            Provenance(kind=k, class_name=real.classes[0], index=i, latent_seed=i, recipe="rare",
                       version="0.1.0", nearest_name=real.path(1))
            for i, k in enumerate(kinds)
        ],
        verdicts=Verdicts([COPY]),
        report=AugmentFacts(version="0.1.0", source=real.name),
        arm=ARM,
        **{"generator": TinyGenerator(), **more},
    )  # fmt: skip


def same(one, other):
    assert len(one) == len(other)
    assert one.classes == other.classes
    assert one.kind.tolist() == other.kind.tolist()
    assert one.provenance == other.provenance
    assert (one.verdicts, one.report, one.arm) == (other.verdicts, other.report, other.arm)
    assert one.mixture == other.mixture
    assert one.sample_weights().tolist() == other.sample_weights().tolist()
    for (image, label), (image2, label2) in zip(one, other, strict=True):
        assert type(image) is type(image2)
        assert np.array_equal(np.asarray(image), np.asarray(image2))
        assert label == label2


def test_the_real_part_may_be_given(tmp_path):
    """Arrays come back as they are, whatever their classes' order; nothing is read in `real/`."""
    images = np.arange(6 * 12 * 12, dtype=np.uint8).reshape(6, 12, 12)
    names = ["free", "crack", "crack", "free", "free", "free"]
    data = augmented((images, names))
    data.save(tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "real")
    same(load(tmp_path / "out", real=open_images((images, names))), data)

    class Turned:
        classes = ("free", "crack")

        def __len__(self):
            return 6

        def __getitem__(self, index):
            return images[index], self.classes.index(names[index])

    turned = load(tmp_path / "out", real=open_images(Turned()))
    assert turned.classes == ("free", "crack")
    assert turned.targets.tolist() == [0, 1, 1, 0, 0, 0, 1, 1, 1]
    assert turned.provenance[-1].nearest_name == "item 1"
    with pytest.raises(InputError, match="expected the 6 that were saved, in their order, got 6"):
        load(tmp_path / "out", real=open_images((images, names[::-1])))


def tree(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_folder_of_references_comes_back_as_it_was(tmp_path):
    data = augmented(pictures(tmp_path / "tiles"))
    data.save(tmp_path / "out")
    assert tree(tmp_path / "out") == [
        "dataset.json", "generator/config.json", "provenance.jsonl", "real.csv", "report.json",
        "synthetic/crack/crack_00000.png", "synthetic/crack/crack_00001.png",
        "synthetic/crack/crack_00002.png", "verdicts.json",
    ]  # fmt: skip
    same(load(tmp_path / "out"), data)
    rows = list(csv.DictReader((tmp_path / "out" / "real.csv").read_text().splitlines()))
    assert [(r["path"], r["class"]) for r in rows][:2] == [
        ("crack/crack0.jpg", "crack"), ("crack/crack1.jpg", "crack"),
    ]  # fmt: skip
    stored = read_provenance(tmp_path / "out" / "synthetic/crack/crack_00001.png")
    assert (stored.kind, stored.index, stored.nearest_name) == ("gan", 1, None)


def test_copies_stand_alone_and_can_be_moved(tmp_path):
    data = augmented(pictures(tmp_path / "tiles"))
    data.save(tmp_path / "out", copy_real=True)
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    (tmp_path / "tiles").rename(tmp_path / "hidden")
    loaded = load(tmp_path / "elsewhere")
    (tmp_path / "hidden").rename(tmp_path / "tiles")
    same(loaded, data)
    source = tmp_path / "tiles/crack/crack0.jpg"
    assert (tmp_path / "elsewhere/real/crack/crack0.jpg").read_bytes() == source.read_bytes()


def test_moved_real_images_are_named_and_found_again_with_real_root(tmp_path):
    data = augmented(pictures(tmp_path / "tiles"))
    data.save(tmp_path / "out")
    (tmp_path / "tiles").rename(tmp_path / "moved")
    with pytest.raises(InputError) as caught:
        load(tmp_path / "out")
    message = str(caught.value)
    assert message.startswith(
        "real images: expected every file in its place and unchanged, got 6 missing or changed: "
    )
    assert "crack0.jpg" in message
    assert "and 1 more" in message
    assert message.endswith("or pass real_root= the folder the real images are in now.")
    assert len(load(tmp_path / "out", real_root=tmp_path / "moved")) == 9


def test_a_real_image_that_changed_is_named(tmp_path):
    data = augmented(pictures(tmp_path / "tiles"))
    data.save(tmp_path / "out")
    with (tmp_path / "tiles/free/free2.jpg").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(InputError, match=r"1 missing or changed: .*free2\.jpg"):
        load(tmp_path / "out")


@pytest.mark.parametrize("form", ["uint8", "float tensor"])
def test_real_images_that_are_no_files_are_copied_and_the_report_says_so(tmp_path, form):
    images = np.random.default_rng(0).integers(0, 256, (6, 10, 8), dtype=np.uint8)
    labels = np.array([0, 0, 1, 1, 1, 1])
    if form == "float tensor":
        images, labels = torch.from_numpy(images)[:, None] / 255, torch.from_numpy(labels)
    data = augmented((images, labels))
    data.save(tmp_path / "out")
    loaded = load(tmp_path / "out")
    same(loaded, data)
    assert loaded[0][0].dtype == images.dtype
    assert any("copies were written into real/" in line for line in loaded.report.warnings)


def test_a_loaded_set_can_be_saved_again_generator_included(tmp_path):
    data = augmented(pictures(tmp_path / "tiles"))
    data.save(tmp_path / "out")
    load(tmp_path / "out").save(tmp_path / "again")
    assert tree(tmp_path / "again") == tree(tmp_path / "out")
    load(tmp_path / "out").save(tmp_path / "out", force=True)
    same(load(tmp_path / "out"), data)


def test_pages_are_rendered_into_the_folder(tmp_path):
    def render(dataset, folder):
        (folder / "report.html").write_text(dataset.classes[0])

    augmented(pictures(tmp_path / "tiles"), render=render).save(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_text() == "crack"


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, OutOfResources), (errno.EROFS, InputError)]
)
def test_a_write_that_fails_leaves_nothing(tmp_path, number, error):
    def render(dataset, folder):
        raise OSError(number, os.strerror(number))

    data = augmented(pictures(tmp_path / "tiles"), render=render)
    with pytest.raises(error, match="output: expected "):
        data.save(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def render(dataset, folder):
        raise KeyboardInterrupt

    data = augmented(pictures(tmp_path / "tiles"), render=render)
    with pytest.raises(KeyboardInterrupt):
        data.save(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]


def test_a_folder_in_use_is_kept_unless_forced_and_ours(tmp_path):
    data = augmented(pictures(tmp_path / "tiles"))
    (tmp_path / "out").mkdir()
    data.save(tmp_path / "out")
    with pytest.raises(InputError, match="expected an empty or new folder"):
        data.save(tmp_path / "out")
    data.save(tmp_path / "out", force=True)
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "monday.txt").write_text("dear")
    with pytest.raises(InputError, match="expected a folder synthaug wrote"):
        data.save(tmp_path / "diary", force=True)
    assert tree(tmp_path / "diary") == ["monday.txt"]
    with pytest.raises(InputError, match="expected a folder, got a file"):
        data.save(tmp_path / "diary" / "monday.txt", force=True)


def test_replacing_a_folder_never_deletes_the_images_it_refers_to(tmp_path):
    pictures(tmp_path / "out" / "tiles")
    (tmp_path / "out" / "dataset.json").write_text("{}")
    data = augmented(tmp_path / "out" / "tiles")
    with pytest.raises(InputError, match="expected a folder that holds none of the real images"):
        data.save(tmp_path / "out", force=True)
    assert len(tree(tmp_path / "out")) == 7


def test_a_folder_that_is_no_set_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"data set: expected a folder with dataset\.json"):
        load(tmp_path)


def test_names_of_classes_never_leave_the_folder(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)

    class Named(torch.utils.data.Dataset):
        classes = ("../../escape", "é裂")

        def __len__(self):
            return 6

        def __getitem__(self, index):
            return images[index], int(index > 1)

    data = augmented(Named())
    data.save(tmp_path / "out")
    assert not (tmp_path.parent / "escape").exists()
    names = {p.name for p in (tmp_path / "out" / "synthetic").iterdir()}
    assert names == set(safe_names(Named.classes))
    assert "é裂" in names
    same(load(tmp_path / "out"), data)


def test_the_settings_that_draw_are_stored(tmp_path):
    augmented(pictures(tmp_path / "tiles")).save(tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert Arm.from_dict(facts["arm"]) == ARM
    assert facts["mixture"]["crack"] == {"real": 2, "gan": 2, "classical": 1}
