import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.report.privacy import cleaned, without_file_names


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Class fray has 32 images of 8 tiles.", "Class fray has 32 images of 8 tiles."),
        ("crack/17.png is broken", "[name withheld] is broken"),
        ("3 left out: Mrs Smith 4.JPG, b.tif and 1 more", "3 left out: names withheld"),
        ("image too large (scan of Bob.jpeg)", "image too large (names withheld)"),
        (r"read C:\Users\ann\tiles", "read …/tiles"),
        ("synthaug augment ~/data/tiles --out ./out", "synthaug augment …/tiles --out ./out"),
        ("generated / real and/or 1/2", "generated / real and/or 1/2"),
    ],
)  # fmt: skip
def test_names_and_folders_leave_sentences_stay(text, left):
    assert without_file_names(text) == left


@given(st.text("ab /\\.:(~", max_size=30), st.text(alphabet="abc 1._-", min_size=1, max_size=12))
def test_no_image_name_survives(before, name):
    assert ".png" not in without_file_names(f"{before}: {name}.png, {name}.png")


def test_lists_and_mappings_are_cleaned_through():
    assert cleaned({"files": ["a.png", 3, None]}) == {"files": ["[name withheld]", 3, None]}
