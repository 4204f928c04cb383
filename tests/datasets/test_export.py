import csv
import gc
import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from synthaug.arm import Arm
from synthaug.datasets.augmented import AugmentedDataset
from synthaug.datasets.opening import open as open_images
from synthaug.datasets.png import read_provenance
from synthaug.errors import InputError
from synthaug.facts import AugmentFacts
from synthaug.provenance import Provenance
from synthaug.verdict import Verdicts


@pytest.fixture
def files(tmp_path):
    """A folder of classes crack (2) and free (3), one file name shared by two subfolders."""
    for name, count in (("crack", 2), ("free", 3)):
        for number in range(count):
            folder = tmp_path / "tiles" / name / f"day{number}"
            folder.mkdir(parents=True)
            Image.effect_noise((14, 12), 60 + number).save(folder / "tile.png")
    return tmp_path / "tiles"


def augmented(source):
    real = open_images(source)
    channels = {"L": 1, "RGB": 3}[real.mode]
    kinds = ["gan", "classical"]
    return AugmentedDataset(
        real,
        [torch.full((channels, 16, 16), 40 * i, dtype=torch.uint8) for i in (1, 2)],
        [0, 0],
        kinds,
        [
            Provenance(kind=k, class_name=real.classes[0], index=i, latent_seed=i, recipe="rare",
                       version="0.1.0", nearest_distance=0.5, gates={"copy": "PASS"})
            for i, k in enumerate(kinds)
        ],
        verdicts=Verdicts(),
        report=AugmentFacts(version="0.1.0", source=real.name),
        arm=Arm(name="plain", sampling="plain"),
    )  # fmt: skip


def in_memory():
    images = np.random.default_rng(0).integers(0, 256, (5, 10, 8, 3), dtype=np.uint8)
    return images, np.array([0, 0, 1, 1, 1])


@pytest.mark.parametrize("link", [False, True])
def test_torchvision_reads_the_image_folder(tmp_path, files, link):
    from torchvision.datasets import ImageFolder

    data = augmented(files)
    data.to_imagefolder(tmp_path / "out", link=link)
    read = ImageFolder(tmp_path / "out")
    assert read.classes == ["crack", "free"]
    assert sorted(read.targets) == sorted(data.targets.tolist())
    rows = list(csv.DictReader((tmp_path / "out/provenance.csv").read_text().splitlines()))
    assert [row["kind"] for row in rows] == data.kind.tolist()
    for index, row in enumerate(rows):
        path = tmp_path / "out" / row["file"]
        with Image.open(path) as picture:
            assert np.array_equal(np.array(picture), data.image(index)[0].numpy())
        if row["kind"] == "real":
            assert path.samefile(data.real.file(index)) == link
        else:
            assert read_provenance(path) == data.provenance[index]
            assert json.loads(row["gates"]) == {"copy": "PASS"}


def test_an_exported_folder_can_be_augmented_and_exported_again(tmp_path, files):
    augmented(files).to_imagefolder(tmp_path / "once")
    data = augmented(tmp_path / "once")
    data.to_imagefolder(tmp_path / "twice")
    assert len(list((tmp_path / "twice").rglob("*.png"))) == len(data) == 9


def test_an_image_folder_in_use_is_refused(tmp_path, files):
    with pytest.raises(InputError, match="expected an empty or new folder"):
        augmented(files).to_imagefolder(files)


# webdataset 1.0 leaves the shard it has read to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("source", ["files", "arrays"])
def test_the_webdataset_library_reads_the_shards(tmp_path, files, source):
    import webdataset

    data = augmented(files if source == "files" else in_memory())
    shards = data.to_webdataset(tmp_path / "out", shard_size=4)
    assert [shard.name for shard in shards] == ["synthaug-000000.tar", "synthaug-000001.tar"]
    read = webdataset.WebDataset([str(shard) for shard in shards], shardshuffle=False)
    samples = list(read.decode("pil").to_tuple("png", "cls", "json"))
    assert [label for _, label, _ in samples] == data.targets.tolist()
    assert [facts["kind"] for _, _, facts in samples] == data.kind.tolist()
    assert samples[5][2]["provenance"] == data.provenance[5].to_dict()
    for index, (picture, _, _) in enumerate(samples):
        grey = np.array(picture)[..., :1]  # webdataset's "pil" makes every picture RGB
        assert np.array_equal(grey, data.image(index).permute(1, 2, 0).numpy()[..., :1])
    del read
    gc.collect()


def test_shards_are_the_same_bytes_each_time_and_never_replaced(tmp_path, files):
    data = augmented(files)
    (one,) = data.to_webdataset(tmp_path / "one-%03d.tar")
    (two,) = data.to_webdataset(tmp_path / "two-%03d.tar")
    assert one.name == "one-000.tar"
    assert one.read_bytes() == two.read_bytes()
    with pytest.raises(InputError, match=r"expected shards that do not exist yet, got one-000"):
        data.to_webdataset(tmp_path / "one-%03d.tar")
    assert sorted(p.name for p in tmp_path.glob("*tar*")) == ["one-000.tar", "two-000.tar"]


@pytest.mark.parametrize("source", ["files", "arrays"])
def test_hugging_face_gets_images_labels_kinds_and_records(files, source):
    data = augmented(files if source == "files" else in_memory())
    rows = data.to_hf()
    assert rows.features["label"].names == list(data.classes)
    assert rows["label"][:] == data.targets.tolist()
    assert rows["kind"][:] == data.kind.tolist()
    assert rows[0]["provenance"] is None
    assert json.loads(rows[6]["provenance"]) == data.provenance[6].to_dict()
    for index in (0, 6):
        picture = np.array(rows[index]["image"])
        assert np.array_equal(picture, data.image(index).permute(1, 2, 0).numpy().squeeze())


def test_a_missing_package_is_named_with_its_remedy(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError) as caught:
        augmented(files).to_hf()
    assert str(caught.value) == (
        "to_hf: expected the package datasets, got none installed. "
        "Run pip install 'synthaug[huggingface]'."
    )
