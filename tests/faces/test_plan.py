"""A plan is read as it was written, and an edit that makes no sense is named by its line."""

from __future__ import annotations

import csv
import dataclasses
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthaug.errors import InputError
from synthaug.faces.plan import (
    Action,
    Plan,
    PlannedTrack,
    as_written,
    read_plan,
    write_boxes,
    write_plan,
)
from synthaug.faces.tracks import Source, Spot

side = st.floats(1, 200, width=32)


@st.composite
def plans(draw):
    tracks = []
    for identity in range(draw(st.integers(0, 3))):
        first, length = draw(st.integers(0, 50)), draw(st.integers(1, 5))
        spots = [
            Spot(
                np.array([draw(st.floats(0, 600)), draw(st.floats(0, 300)), draw(side), draw(side)],
                         np.float32),
                np.array(draw(st.lists(st.floats(0, 600), min_size=10, max_size=10)), np.float32)
                .reshape(5, 2),
                draw(st.floats(0, 1)), draw(st.sampled_from(Source)),
            )
            for _ in range(length)
        ]  # fmt: skip
        times = [1000 + 40 * (first + row) for row in range(length)]
        action = draw(st.sampled_from(Action))
        tracks.append(PlannedTrack(identity, action, first, times, spots, ["small"]))
    return Plan(
        "clip.mp4", "ab" * 32, 640, 360, 60, Fraction(1, 1000), {"yunet": "cd"}, "ef", tracks
    )


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=40,
)
@given(plans())
def test_a_plan_is_read_as_it_was_written(tmp_path, plan):
    path = tmp_path / "plan.jsonl"
    write_plan(plan, path)
    again = read_plan(path)
    assert dataclasses.replace(again, tracks=[]) == dataclasses.replace(plan, tracks=[])
    for one, other, same in zip(again.tracks, plan.tracks, as_written(plan).tracks, strict=True):
        assert (one.identity, one.action, one.first, one.times, one.doubts) == (
            other.identity, other.action, other.first, other.times, other.doubts,
        )  # fmt: skip
        for a, b, c in zip(one.spots, other.spots, same.spots, strict=True):
            assert (a.box == c.box).all()
            assert (a.points == c.points).all()
            assert np.allclose(a.box, b.box, atol=0.006)
            assert np.allclose(a.points, b.points, atol=0.006)
            assert a.source is b.source
    write_plan(again, path)
    assert read_plan(path).tracks[:0] == []


def written(tmp_path, **changes):
    spot = {
        "frame": 3, "time": 120, "box": [10, 10, 50, 50], "points": [[1, 2]] * 5, "score": 0.9,
        "source": "detected",
    }  # fmt: skip
    head = {
        "version": 1, "input": "a.mp4", "sha256": "x", "width": 640, "height": 360, "frames": 60,
        "time_base": "1/1000", "detectors": {}, "settings": "y",
    }  # fmt: skip
    spot |= {name: changes.pop(name) for name in list(changes) if name in spot}
    row = {"track": 0, "action": "replace", "doubts": [], "spots": [spot]} | changes
    path = tmp_path / "plan.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in (head, row, {**row, "track": 1})))
    return path


def test_the_example_is_a_plan(tmp_path):
    assert len(read_plan(written(tmp_path)).tracks) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"box": [700, 10, 50, 50]}, r"a box in the frame of 640x360.*line 2"),
        ({"box": [10, 10, 0, 50]}, "a box with a size"),
        ({"box": [10, 10, float("nan"), 50]}, "a box with a size"),
        ({"frame": 60}, r"frames 0 to 59, got frames 60 to 60"),
        ({"action": "blur"}, "'blur' is not a valid Action"),
        ({"source": "guessed"}, "not a valid Source"),
        ({"track": 1}, "1 twice"),
        ({"spots": []}, "line 2"),
    ],
)
def test_an_edit_that_makes_no_sense_is_named(tmp_path, change, reason):
    path = written(tmp_path, **change)
    with pytest.raises(InputError, match=reason):
        read_plan(path)


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"version": 2}', "\x00"])
def test_what_is_no_plan_is_refused(tmp_path, text):
    (tmp_path / "p").write_text(text)
    with pytest.raises(InputError, match="plan"):
        read_plan(tmp_path / "p")


def test_boxes_are_exported_with_their_seconds(tmp_path):
    write_boxes(read_plan(written(tmp_path)), tmp_path / "boxes.csv")
    rows = list(csv.DictReader((tmp_path / "boxes.csv").read_text().splitlines()))
    assert len(rows) == 2
    assert (rows[0]["frame"], rows[0]["seconds"], rows[0]["left"]) == ("3", "0.120000", "10.00")
