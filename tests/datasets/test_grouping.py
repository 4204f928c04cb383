"""Groups from arrays, CSV files, callables and patterns."""

import numpy as np
import pytest

import synthaug.datasets
from synthaug.errors import InputError


@pytest.fixture
def tiles(tmp_path):
    from PIL import Image

    root = tmp_path / "set" / "train"
    for name in ("crack", "free"):
        (root / name).mkdir(parents=True)
        for tile in range(2):
            for exposure in range(2):
                level = 50 * tile + exposure
                Image.new("L", (8, 8), level).save(root / name / f"t{tile}_e{exposure}.png")
    return root


NAMES = [f"{c}/t{t}_e{e}.png" for c in ("crack", "free") for t in (0, 1) for e in (0, 1)]


def groups_of(root, groups):
    return synthaug.datasets.open(root, groups).groups.tolist()


def write_csv(path, rows, header="path,group,exposure"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    "prefix", ["", "train/", "./train/", "set/train/", "/data/of/a/colleague/"]
)
def test_csv_paths_match_from_wherever_they_start(tiles, prefix):
    rows = [f"{prefix}{name},{name[:-7]},1" for name in NAMES]
    file = write_csv(tiles.parent / "by_tile.csv", rows)
    assert groups_of(tiles, file) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert groups_of(tiles, str(file)) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_the_row_that_shares_more_of_the_path_wins(tiles):
    rows = [f"{side}/{name},{side}{name[:-7]},1" for name in NAMES for side in ("test", "train")]
    file = write_csv(tiles.parent / "both.csv", rows)
    assert groups_of(tiles, file) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_csv_that_misses_images(tiles):
    file = write_csv(tiles / "part.csv", [f"{name},1,1" for name in NAMES[:3]])
    with pytest.raises(InputError) as error:
        groups_of(tiles, file)
    assert str(error.value) == (
        "groups: expected a row for each of 8 images, got none for 5: crack/t1_e1.png, "
        f"free/t0_e0.png, free/t0_e1.png and 2 more ({file}). Add the missing rows."
    )
    assert error.value.code == "input.groups"


def test_an_empty_group_is_a_missing_one(tiles):
    file = write_csv(
        tiles / "part.csv", [f"{name},{'' if i == 2 else 1},1" for i, name in enumerate(NAMES)]
    )
    with pytest.raises(InputError, match=r"none for 1: crack/t1_e0\.png"):
        groups_of(tiles, file)


def test_a_csv_without_the_columns(tiles):
    file = write_csv(tiles / "odd.csv", ["a,b"], header="file,tile")
    with pytest.raises(InputError) as error:
        groups_of(tiles, file)
    assert str(error.value) == (
        f"groups: expected the columns path and group, got file, tile ({file}). "
        "Name them in the first row."
    )


def test_a_missing_csv(tiles):
    with pytest.raises(InputError, match=r"got No such file or directory .*nowhere"):
        groups_of(tiles, "nowhere.csv")


def test_patterns(tiles):
    assert groups_of(tiles, "{group}_*.png") == [0, 0, 1, 1, 0, 0, 1, 1]
    assert groups_of(tiles, "crack/{group}_e?.png".replace("crack", "*")) == [
        0,
        0,
        1,
        1,
        0,
        0,
        1,
        1,
    ]
    with pytest.raises(InputError) as error:
        groups_of(tiles, "{group}-*.png")
    assert str(error.value) == (
        "groups: expected file names like {group}-*.png, got 8 that are not: crack/t0_e0.png, "
        "crack/t0_e1.png, crack/t1_e0.png and 5 more. Correct the pattern, or give a CSV file."
    )


def test_callables_get_the_path(tiles):
    assert groups_of(tiles, lambda path: path[:-7]) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("groups", [list("aabbccdd"), np.array([5, 5, 2, 2, 9, 9, 7, 7])])
def test_one_value_an_image(tiles, groups):
    assert groups_of(tiles, groups) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_the_wrong_number_of_values(tiles):
    with pytest.raises(InputError) as error:
        groups_of(tiles, [1, 2])
    assert str(error.value) == (
        "groups: expected one for each of 8 items, got 2. Give one group an item."
    )


@pytest.mark.parametrize("value", [None, float("nan"), ["a"]])
def test_values_that_name_no_group(tiles, value):
    with pytest.raises(InputError, match=r"groups: expected a number or a name, got .*t0_e1"):
        groups_of(tiles, [1, value, 1, 1, 1, 1, 1, 1])


@pytest.mark.parametrize("beside", [True, False])
def test_a_groups_file_nobody_asked_for_is_mentioned_not_used(tiles, beside):
    where = tiles.parent if beside else tiles
    write_csv(where / "groups.csv", [f"train/{name},1,1" for name in NAMES])
    images = synthaug.datasets.open(tiles)
    assert images.groups.tolist() == list(range(8))
    assert images.warnings == [
        f"groups.csv lies {'beside' if beside else 'in'} the folder but was not used: "
        "pass groups= (--groups) with its path to split by it"
    ]
