"""Attributes: read from CSV or arrays, checked, and standardised there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import synthaug.datasets
from synthaug.datasets import Scale, pack
from synthaug.errors import InputError

NAMES = [f"{kind}/{index}.png" for kind in ("crack", "free") for index in range(4)]


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    for place, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 20 * place).save(root / name)
    return root


def table(path, rows, header="path,depth,site"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows(**changed):
    cells = {name: (str(10 * place), "north" if place % 3 else "south")
             for place, name in enumerate(NAMES)}  # fmt: skip
    return [",".join((name, *changed.get(name, cells[name]))) for name in NAMES]


def test_numbers_stay_and_names_become_one_column_each(photos, tmp_path):
    images = synthaug.datasets.open(photos, attributes=table(tmp_path / "a.csv", rows()))
    assert images.attribute_names == ("depth", "site=north", "site=south")
    assert images.attributes.dtype == np.float32
    assert images.attributes[:, 0].tolist() == [10.0 * place for place in range(8)]
    north = [float(place % 3 > 0) for place in range(8)]
    assert images.attributes[:, 1].tolist() == north
    assert (images.attributes[:, 1] + images.attributes[:, 2] == 1).all()
    assert images.subset([5, 2]).attributes[:, 0].tolist() == [50.0, 20.0]


def test_a_packed_set_holds_them_standardised_and_knows_the_way_back(photos, tmp_path):
    images = synthaug.datasets.open(photos, attributes=table(tmp_path / "a.csv", rows()))
    packed = pack(images, 16)
    assert packed.attributes.dtype == np.float32
    np.testing.assert_allclose(packed.attributes.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(packed.attributes.std(0), 1, atol=1e-6)
    np.testing.assert_allclose(
        packed.scale.restore(packed.attributes), images.attributes, atol=1e-4
    )
    assert packed.subset([3]).attributes.tolist() == packed.attributes[[3]].tolist()


def test_other_attributes_are_another_content(photos, tmp_path):
    one, other = (
        synthaug.datasets.open(photos, attributes={"depth": values})
        for values in (range(8), [0, 1, 2, 3, 4, 5, 6, 8])
    )
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint != synthaug.datasets.open(photos).fingerprint


def refused(photos, tmp_path, lines, header="path,depth,site"):
    with pytest.raises(InputError) as caught:
        synthaug.datasets.open(photos, attributes=table(tmp_path / "a.csv", lines, header))
    assert caught.value.code == "input.attributes"
    return str(caught.value)


def test_images_without_a_row_are_named(photos, tmp_path):
    told = refused(photos, tmp_path, rows()[:6])
    assert "a row for each of 8 images, got none for 2: free/2.png, free/3.png" in told
    assert "Add the missing rows." in told


@pytest.mark.parametrize("cell", ["", "nan", "inf", "deep"])
def test_a_cell_that_is_no_number_is_named_with_its_image(photos, tmp_path, cell):
    told = refused(photos, tmp_path, rows(**{"crack/2.png": (cell, "north")}))
    assert "column depth" in told
    assert f"none for 1: crack/2.png ({cell or 'empty'})" in told


@pytest.mark.parametrize("cell", ["", "NaN"])
def test_a_missing_name_is_named_with_its_image(photos, tmp_path, cell):
    told = refused(photos, tmp_path, rows(**{"free/1.png": ("3", cell)}))
    assert "column site" in told
    assert "none for 1: free/1.png" in told


def test_columns_that_say_nothing_and_files_without_columns_are_refused(photos, tmp_path):
    same = [f"{name},7" for name in NAMES]
    told = refused(photos, tmp_path, same, "path,depth")
    assert "at least two different values, got '7'" in told
    assert "one column beside path" in refused(photos, tmp_path, NAMES, "path")
    assert "the column path, got file, depth" in refused(photos, tmp_path, same, "file,depth")
    with pytest.raises(InputError, match=r"a readable CSV file, got No such file.*nowhere\.csv"):
        synthaug.datasets.open(photos, attributes=tmp_path / "nowhere.csv")


def test_values_given_directly_must_be_one_an_image(photos):
    with pytest.raises(InputError, match="one value for each of 8 images, got 3"):
        synthaug.datasets.open(photos, attributes={"depth": [1, 2, 3]})


tables = arrays(
    np.float32,
    st.tuples(st.integers(2, 20), st.integers(1, 4)),
    elements=st.floats(-1e4, 1e4, width=32),
)


@given(tables)
def test_standardising_comes_back(values):
    scale = Scale.of([f"a{column}" for column in range(values.shape[1])], values)
    standard = scale.standardise(values)
    assert np.isfinite(standard).all()
    size = np.abs(values).max() + 1
    np.testing.assert_allclose(scale.restore(standard), values, atol=1e-4 * size)
    np.testing.assert_allclose(scale.rows(values, len(values)), standard)


SCALE = Scale(("age", "sex=female", "sex=male"), (40.0, 0.25, 0.75), (10.0, 0.5, 0.5))


def test_what_is_asked_for_is_read_in_its_own_unit():
    assert SCALE.rows(None, 2).tolist() == [[0, 0, 0]] * 2
    assert SCALE.rows({"age": 60}, 1).tolist() == [[2, 0, 0]]
    assert SCALE.rows({"age": [30, 50], "sex": "female"}, 2).tolist() == [
        [-1, 1.5, -1.5],
        [1, 1.5, -1.5],
    ]
    assert SCALE.rows({"sex": ["male", "female"]}, 2)[:, 2].tolist() == [0.5, -1.5]
    assert SCALE.rows([50, 0, 1], 2).tolist() == [[1, -0.5, 0.5]] * 2


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"agee": 3}, "one of age, sex, got 'agee'"),
        ({"sex": "other"}, "one of female, male, got 'other'"),
        ({"age": "old"}, "a number, or 2 of them, got 'old'"),
        ({"age": float("nan")}, "finite numbers"),
        ({"age": [1, 2, 3]}, "a number, or 2 of them"),
        ({"sex": ["male"]}, "one of female, male"),
        ([[1, 2, 3]], r"2 rows of age, sex=female, sex=male, got shape \(1, 3\)"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(given, told):
    with pytest.raises(InputError, match=told):
        SCALE.rows(given, 2)
