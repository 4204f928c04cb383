"""`open`: every kind of source, and what a user sees when it cannot be used."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import synthaug.datasets
from synthaug.datasets import Limits
from synthaug.errors import InputError


def grey(level, side=12):
    return Image.new("L", (side, side), level)


def write_folder(root: Path, counts: dict[str, int], make=grey) -> Path:
    for number, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for index in range(count):
            make(40 * number + index).save(root / name / f"{index}.png")
    return root


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "tiles", {"crack": 3, "free": 4})


class Pairs(torch.utils.data.Dataset):
    def __init__(self, items, classes=None):
        self.items = items
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        item = self.items[index]
        if isinstance(item, Exception):
            raise item
        return item


def message(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value)


def test_importing_the_room_loads_nothing_heavy():
    script = (
        "import sys, synthaug.datasets as d; d.Limits, d.parse_targets, d.open; "
        "print([m for m in ('torch', 'cv2', 'sklearn', 'scipy', 'datasets') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


class TestFolder:
    def test_classes_labels_and_names_come_from_the_folders(self, folder):
        images = synthaug.datasets.open(folder)
        assert images.name == "tiles"
        assert images.classes == ("crack", "free")
        assert images.counts() == {"crack": 3, "free": 4}
        assert images.path(4) == "free/1.png"
        assert images.mode == "L"
        assert images.image(4).shape == (1, 12, 12)
        assert images.image(4).unique().tolist() == [41]
        assert images.groups.tolist() == list(range(7))
        assert images.warnings == []

    def test_the_original_is_an_upright_pil_image_and_an_int(self, folder):
        picture, label = synthaug.datasets.open(folder).original(5)
        assert (picture.mode, picture.size, label) == ("L", (12, 12), 1)
        assert type(label) is int

    def test_images_in_deeper_folders_count_and_hidden_ones_do_not(self, folder):
        (folder / "free" / "more").mkdir()
        grey(9).save(folder / "free" / "more" / "x.jpg")
        grey(9).save(folder / "free" / ".hidden.png")
        (folder / ".git").mkdir()
        grey(9).save(folder / ".git" / "x.png")
        images = synthaug.datasets.open(folder)
        assert images.counts() == {"crack": 3, "free": 5}
        assert images.path(7) == "free/more/x.jpg"

    def test_what_is_left_out_is_said(self, folder):
        (folder / "empty").mkdir()
        (folder / "crack" / "notes.txt").write_text("x")
        grey(1).save(folder / "loose.png")
        assert synthaug.datasets.open(folder).warnings == [
            "left out: 1 file in crack, not images",
            "left out: class folder empty, no images in it",
            "left out: 1 image outside the class folders",
        ]

    def test_a_folder_with_train_inside_names_it(self, tmp_path):
        write_folder(tmp_path / "set" / "train", {"a": 1, "b": 1})
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(tmp_path / "set")
        assert message(error) == (
            "image folder: expected one folder a class, got a folder named train that holds the "
            f"class folders ({tmp_path / 'set'}). Open {tmp_path / 'set' / 'train'} instead."
        )

    def test_a_train_folder_is_named_after_its_set(self, tmp_path):
        root = write_folder(tmp_path / "tiles" / "train", {"a": 1, "b": 1})
        assert synthaug.datasets.open(root).name == "tiles"

    @pytest.mark.parametrize(("make", "got"), [(False, "nothing there"), (True, "a file")])
    def test_no_folder_there(self, tmp_path, make, got):
        path = tmp_path / "gone"
        if make:
            path.write_text("")
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(path)
        assert message(error) == (
            f"image folder: expected a directory with one folder a class, got {got} ({path}). "
            "Check the path."
        )

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(tmp_path)
        assert message(error) == (
            f"source: expected images, got none ({tmp_path.name}). "
            "Put the images into one folder a class."
        )

    def test_one_class(self, tmp_path):
        write_folder(tmp_path / "set", {"only": 3})
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(tmp_path / "set")
        assert message(error) == (
            "classes: expected at least 2 with images, got only (set). "
            "Balancing needs a second class."
        )

    def test_a_class_with_one_image_is_the_plans_business(self, tmp_path):
        write_folder(tmp_path / "set", {"many": 3, "single": 1})
        assert synthaug.datasets.open(tmp_path / "set").counts()["single"] == 1


class TestBadImages:
    @pytest.fixture
    def damaged(self, folder):
        (folder / "crack" / "zero.png").write_bytes(b"")
        (folder / "crack" / "text.jpg").write_bytes(b"no image at all")
        noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
        stream = io.BytesIO()
        Image.fromarray(noise).save(stream, "JPEG")
        (folder / "free" / "cut.jpg").write_bytes(stream.getvalue()[:1500])
        return folder

    def test_all_are_listed_in_one_error(self, damaged):
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(damaged)
        text = message(error)
        assert text.startswith("3 of 10 images: expected images that can be used, got ")
        assert "crack/zero.png is an empty file" in text
        assert "crack/text.jpg is not an image PIL can read" in text
        assert "free/cut.jpg cannot be decoded, image file is truncated" in text
        assert text.endswith("Repair them, or pass --skip-bad (skip_bad=True) to leave them out.")
        assert error.value.__cause__ is not None

    def test_skipped_on_request_and_said(self, damaged):
        images = synthaug.datasets.open(damaged, skip_bad=True)
        assert images.counts() == {"crack": 3, "free": 4}
        assert [images.path(i) for i in (0, 6)] == ["crack/0.png", "free/3.png"]
        assert len(images.warnings) == 1
        assert images.warnings[0].startswith("left out: 3 of 10 images: crack/text.jpg is not")

    def test_a_long_list_is_cut_after_ten(self, folder):
        for index in range(13):
            (folder / "free" / f"bad{index:02}.png").write_bytes(b"")
        with pytest.raises(InputError, match=r"bad09\.png is an empty file and 3 more\."):
            synthaug.datasets.open(folder)

    def test_nothing_but_bad_images_is_an_error_even_when_skipping(self, tmp_path):
        for name in "ab":
            (tmp_path / name).mkdir()
            (tmp_path / name / "x.png").write_bytes(b"")
        with pytest.raises(InputError, match="2 of 2 images"):
            synthaug.datasets.open(tmp_path, skip_bad=True)

    def test_a_small_file_that_claims_to_be_huge_is_refused_by_its_header(self, folder):
        path = folder / "crack" / "bomb.png"
        Image.new("1", (12_000, 12_000)).save(path, optimize=True)
        assert path.stat().st_size < 30_000
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(folder)
        assert (
            "crack/bomb.png claims 12,000 x 12,000 pixels, more than the 50,000,000 allowed"
            in message(error)
        )

    def test_limits_are_the_callers(self, folder):
        with pytest.raises(InputError, match="a side longer than the 10 allowed"):
            synthaug.datasets.open(folder, limits=Limits(max_side=10))

    def test_groups_stay_in_step_when_images_are_skipped(self, damaged):
        groups = list("aabbccddee")
        images = synthaug.datasets.open(damaged, groups, skip_bad=True)
        assert images.groups.tolist() == [0, 0, 1, 2, 3, 3, 4]


class TestMapDataset:
    def test_pil_arrays_and_tensors_of_any_layout(self):
        level = np.full((6, 8), 7, np.uint8)
        colour = np.dstack([level, level + 1, level + 2])
        items = [
            (Image.fromarray(level), 0),
            (level, 1),
            (colour, np.int64(0)),
            (torch.from_numpy(colour).permute(2, 0, 1), torch.tensor(1)),
            (torch.from_numpy(colour).permute(2, 0, 1) / 255, 1),
            (level.astype(np.uint16) * 257, 0),
            (level.astype(np.int64), 0),
        ]
        images = synthaug.datasets.open(Pairs(items))
        assert images.classes == ("0", "1")
        assert images.labels.tolist() == [0, 1, 0, 1, 1, 0, 0]
        assert images.mode == "RGB"
        assert images.warnings == ["4 grey and 3 colour images: all are read as RGB"]
        for index in range(len(items)):
            assert images.image(index).shape == (3, 6, 8)
            assert images.image(index)[0].unique().tolist() == [7]
        assert images.original(3)[0] is items[3][0]
        assert images.path(3) == "item 3"

    def test_class_names_come_from_the_dataset_even_below_a_subset(self):
        data = Pairs([(grey(i), i % 2) for i in range(4)], ["cat", "dog"])
        subset = torch.utils.data.Subset(data, [0, 1, 3])
        images = synthaug.datasets.open(subset)
        assert images.counts() == {"cat": 1, "dog": 2}

    def test_a_torchvision_folder_keeps_its_file_names(self, folder):
        from torchvision.datasets import ImageFolder

        images = synthaug.datasets.open(ImageFolder(folder), "{group}.png")
        assert images.path(1) == "crack/1.png"
        assert images.groups[0] == images.groups[3]

    def test_an_item_that_raises_is_named_with_its_cause(self):
        items = [(grey(1), 0), KeyError("row 1"), (grey(2), 1)]
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(Pairs(items))
        assert "got item 1 the dataset raised KeyError: 'row 1'" in message(error)
        assert isinstance(error.value.__cause__.__cause__, KeyError)
        assert len(synthaug.datasets.open(Pairs(items), skip_bad=True)) == 2

    def test_nan_pixels_name_the_item(self):
        bad = torch.zeros(1, 4, 4)
        bad[0, 1, 1] = torch.nan
        with pytest.raises(InputError, match="item 1 holds pixels that are NaN or infinite"):
            synthaug.datasets.open(Pairs([(torch.zeros(1, 4, 4), 0), (bad, 1)]))

    def test_normalized_tensors(self):
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(Pairs([(torch.linspace(-2, 2, 16).view(1, 4, 4), 0)] * 2))
        assert message(error) == (
            "float image: expected pixels from 0 to 1, got -2 to 2 (item 0). Pass the images "
            "before Normalize (uint8, or floats divided by their maximum)."
        )
        assert error.value.code == "input.normalized"

    @pytest.mark.parametrize("label", [3, -1])
    def test_a_label_outside_the_range(self, label):
        items = [(grey(1), 0), (grey(2), 1), (grey(3), label)]
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(Pairs(items, ["a", "b"]))
        assert message(error) == (
            f"label: expected 0 to 1, got {label} (item 2). Number the classes from 0 without gaps."
        )

    @pytest.mark.parametrize(
        ("item", "got"),
        [
            ((grey(1), 0.5), "(Image, float)"),
            ({"image": grey(1)}, "dict"),
            ((grey(1), 0, 1), "(Image, int, int)"),
        ],
    )
    def test_items_that_are_no_pairs(self, item, got):
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(Pairs([item, item]))
        assert message(error) == (
            f"dataset item: expected (image, whole-number label), got {got} (item 0). "
            "Wrap the dataset so that each item is such a pair."
        )

    def test_a_shape_that_is_no_image(self):
        with pytest.raises(InputError, match=r"image shape: expected .*, got \(2, 3, 4, 5\)"):
            synthaug.datasets.open(Pairs([(np.zeros((2, 3, 4, 5), np.uint8), 0)] * 2))

    def test_an_iterable_dataset_is_refused(self):
        class Stream(torch.utils.data.IterableDataset):
            def __iter__(self):
                return iter(())

        with pytest.raises(InputError, match=r"source: expected a folder.* got Stream"):
            synthaug.datasets.open(Stream())


class TestArrays:
    @pytest.mark.parametrize(
        "shape", [(4, 9, 8), (4, 9, 8, 1), (4, 9, 8, 3), (4, 1, 9, 8), (4, 3, 9, 8), (4, 9, 8, 4)]
    )
    def test_layouts(self, shape):
        images = synthaug.datasets.open((np.full(shape, 255, np.uint8), [0, 0, 1, 1]))
        assert images.sizes.tolist() == [[9, 8]] * 4
        assert images.channels == (3 if 3 in shape or shape[-1] == 4 else 1)
        assert images.image(0).unique().tolist() == [255]

    def test_labels_may_come_apart_or_as_names(self):
        pixels = np.zeros((3, 4, 4), np.uint8)
        assert synthaug.datasets.open(pixels, labels=np.array([0, 1, 1])).classes == ("0", "1")
        named = synthaug.datasets.open((torch.from_numpy(pixels), ["dog", "cat", "dog"]))
        assert named.counts() == {"cat": 1, "dog": 2}
        assert named.original(0)[1] == "dog"

    def test_images_alone(self):
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(np.zeros((3, 4, 4), np.uint8))
        assert message(error).endswith("got images without labels. Pass labels=.")

    def test_too_few_labels(self):
        with pytest.raises(InputError) as error:
            synthaug.datasets.open((np.zeros((3, 4, 4), np.uint8), [0, 1]))
        assert message(error) == (
            "labels: expected one for each of 3 images, got 2. Give both in the same order."
        )

    def test_a_class_number_without_images_keeps_the_numbering(self):
        images = synthaug.datasets.open((np.zeros((4, 4, 4), np.uint8), [0, 3, 3, 0]))
        assert images.counts() == {"0": 2, "1": 0, "2": 0, "3": 2}
        assert images.warnings == ["classes without images: 1, 2"]

    def test_a_label_that_makes_no_sense_as_a_class_number(self):
        with pytest.raises(InputError, match=r"label: expected 0 to 2, got 255 \(item 1\)"):
            synthaug.datasets.open((np.zeros((3, 4, 4), np.uint8), [0, 255, 1]))

    def test_levels_that_are_neither_bytes_nor_unit_floats(self):
        with pytest.raises(InputError, match="got int64 from 0 to 300"):
            synthaug.datasets.open((np.array([[[0, 300]]] * 2), [0, 1]))


class TestHuggingFace:
    @pytest.fixture
    def dataset(self):
        datasets = pytest.importorskip("datasets")
        features = datasets.Features(
            image=datasets.Image(), label=datasets.ClassLabel(names=["no", "yes"])
        )
        rows = {"image": [grey(level) for level in (1, 2, 3)], "label": [0, 1, 1]}
        return datasets.Dataset.from_dict(rows, features=features)

    def test_columns_are_found_by_kind(self, dataset):
        images = synthaug.datasets.open(dataset)
        assert images.counts() == {"no": 1, "yes": 2}
        assert images.image(2).unique().tolist() == [3]
        picture, label = images.original(1)
        assert (picture.size, label) == ((12, 12), 1)

    def test_a_transform_does_not_change_what_is_read(self, dataset):
        dataset.set_transform(lambda batch: {"image": ["x"], "label": ["y"]})
        images = synthaug.datasets.open(dataset)
        assert images.image(0).unique().tolist() == [1]
        assert images.original(0) == ("x", "y")

    def test_a_dictionary_of_splits(self, dataset):
        import datasets

        with pytest.raises(InputError) as error:
            synthaug.datasets.open(datasets.DatasetDict(train=dataset))
        assert message(error) == (
            "Hugging Face source: expected a datasets.Dataset, got a dictionary of splits. "
            'Pass one, such as dataset["train"].'
        )

    def test_a_label_column_may_be_named(self, dataset):
        named = dataset.add_column("kind", ["b", "a", "b"])
        assert synthaug.datasets.open(named, labels="kind").counts() == {"a": 1, "b": 2}
        with pytest.raises(InputError, match="label column 'none': expected exactly one"):
            synthaug.datasets.open(named, labels="none")

    def test_a_row_without_an_image_is_bad(self, dataset):
        datasets = pytest.importorskip("datasets")
        rows = {"image": [None, grey(1), grey(2)], "label": [0, 0, 1]}
        broken = datasets.Dataset.from_dict(rows, features=dataset.features)
        with pytest.raises(InputError, match=r"1 of 3 images.*item 0 has no image"):
            synthaug.datasets.open(broken)


class TestShards:
    @staticmethod
    def write(path: Path, samples: list[tuple[str, bytes]]) -> Path:
        with tarfile.open(path, "w") as archive:
            for name, content in samples:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return path

    @staticmethod
    def png(level: int) -> bytes:
        stream = io.BytesIO()
        grey(level).save(stream, "PNG")
        return stream.getvalue()

    @pytest.fixture
    def shards(self, tmp_path):
        for shard in range(2):
            samples = []
            for index in range(3):
                samples.append((f"{shard}{index}.png", self.png(10 * shard + index)))
                samples.append((f"{shard}{index}.cls", str(index % 2).encode()))
            self.write(tmp_path / f"set-{shard:03}.tar", samples)
        return tmp_path

    @pytest.mark.parametrize("pattern", ["set-{000..001}.tar", "set-*.tar", "set-{000,001}.tar"])
    def test_patterns(self, shards, pattern):
        images = synthaug.datasets.open(str(shards / pattern))
        assert images.counts() == {"0": 4, "1": 2}
        assert images.path(4) == "set-001.tar/11.png"
        assert images.image(4).unique().tolist() == [11]

    def test_one_file_or_a_list(self, shards):
        files = sorted(shards.glob("*.tar"))
        assert len(synthaug.datasets.open(files[0])) == 3
        assert len(synthaug.datasets.open(files)) == 6

    def test_names_and_json_labels(self, tmp_path):
        label = json.dumps({"label": "cat", "width": 3}).encode()
        samples = [("a/1.jpg", self.png(1)), ("a/1.json", label)]
        samples += [("a/2.PNG", self.png(2)), ("a/2.cls", b"dog\n")]
        images = synthaug.datasets.open(self.write(tmp_path / "x.tar", samples))
        assert images.counts() == {"cat": 1, "dog": 1}

    def test_what_webdataset_writes_is_read(self, tmp_path):
        webdataset = pytest.importorskip("webdataset")
        with webdataset.TarWriter(str(tmp_path / "w.tar")) as sink:
            for index in range(4):
                sink.write({"__key__": f"{index:04}", "png": grey(index), "cls": index % 2})
        assert synthaug.datasets.open(tmp_path / "w.tar").labels.tolist() == [0, 1, 0, 1]

    def test_a_missing_shard(self, shards):
        with pytest.raises(InputError, match=r"shard: .*No such file.*set-002\.tar"):
            synthaug.datasets.open(str(shards / "set-{000..002}.tar"))

    def test_a_shard_cut_off_in_the_middle_of_a_sample(self, shards):
        path = shards / "set-000.tar"
        content = path.read_bytes()
        at = content.rindex(b"\x89PNG")
        path.write_bytes(content[: at + 40])
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(path)
        assert "set-000.tar" in message(error)

    def test_a_sample_without_a_label(self, tmp_path):
        path = self.write(tmp_path / "x.tar", [("1.png", self.png(1))])
        with pytest.raises(InputError) as error:
            synthaug.datasets.open(path)
        assert message(error) == (
            "sample: expected a label beside the image, .cls or .json, got none (x.tar/1.png). "
            "Write the label into the shard."
        )


class TestOddImages:
    def test_transparency_and_animation_are_said_once(self, folder):
        Image.new("LA", (5, 5), (0, 0)).save(folder / "crack" / "clear.png")
        frames = [grey(level) for level in (200, 8)]
        frames[0].save(folder / "free" / "a.webp", save_all=True, append_images=frames[1:])
        assert synthaug.datasets.open(folder).warnings == [
            "8 grey and 1 colour images: all are read as RGB",
            "transparent parts shown on white in 1 image: crack/clear.png",
            "only the first of several frames used in 1 image: free/a.webp",
        ]

    def test_wrong_groups_are_told_before_images_are_decoded(self, folder):
        (folder / "free" / "0.png").write_bytes(b"")
        with pytest.raises(InputError, match="groups: expected one for each of 7 items, got 1"):
            synthaug.datasets.open(folder, [0])


class TestImageSet:
    def test_an_open_set_is_returned_or_regrouped(self, folder):
        images = synthaug.datasets.open(folder)
        assert synthaug.datasets.open(images) is images
        again = synthaug.datasets.open(images, "{group}.png")
        assert again.groups.tolist() == [0, 1, 2, 0, 1, 2, 3]

    def test_a_subset_keeps_names_labels_and_pixels_together(self, folder):
        images = synthaug.datasets.open(folder)
        part = images.subset([6, 0])
        assert [part.path(i) for i in range(2)] == ["free/3.png", "crack/0.png"]
        assert part.labels.tolist() == [1, 0]
        assert part.image(0).unique().tolist() == [43]
        assert part.counts() == {"crack": 1, "free": 1}
        assert part.subset([1]).path(0) == "crack/0.png"

    def test_the_fingerprint_is_of_the_content(self, folder, tmp_path):
        first = synthaug.datasets.open(folder)
        assert synthaug.datasets.open(folder).fingerprint == first.fingerprint
        moved = folder.rename(tmp_path / "elsewhere")
        assert synthaug.datasets.open(moved).fingerprint == first.fingerprint
        grey(99).save(moved / "free" / "0.png")
        assert synthaug.datasets.open(moved).fingerprint != first.fingerprint

    def test_a_file_that_vanishes_after_opening_is_named(self, folder):
        images = synthaug.datasets.open(folder)
        (folder / "free" / "0.png").unlink()
        with pytest.raises(InputError, match=r"no such file or directory \(free/0\.png\)"):
            images.image(3)
