"""Openness is read while planning, survives the plan's file, and reaches the conditions."""

from __future__ import annotations

import av
import numpy as np
import pytest
from skimage.data import astronaut

from synthaug.faces.conditions import steady
from synthaug.faces.plan import Action, PlannedTrack, read_plan, write_plan
from synthaug.faces.tracks import Source, Spot
from synthaug.jobs.anonymizing.openness import read_openness
from synthaug.jobs.anonymizing.plan import plan_video
from synthaug.media import probe

POINTS = np.array([[204, 110], [244, 108], [226, 132], [209, 154], [242, 152]], np.float32)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("openness") / "still.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 512
        stream.pix_fmt = "yuv420p"
        for _ in range(6):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(astronaut()), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def track(action=Action.REPLACE, source=Source.DETECTED) -> PlannedTrack:
    box = np.array([168, 63, 108, 145], np.float32)
    spots = [Spot(box, POINTS, 1.0, source if row % 2 else Source.DETECTED) for row in range(4)]
    return PlannedTrack(0, action, 1, [512 * row for row in range(4)], spots)


def test_every_frame_of_a_replaced_track_is_told(video):
    seen, gaps, kept = track(), track(source=Source.INTERPOLATED), track(Action.KEEP)
    assert read_openness(probe(video), [seen, gaps, kept]) == ""
    assert seen.openness.shape == gaps.openness.shape == (4, 2)
    assert kept.openness is None
    assert np.allclose(seen.openness, gaps.openness, atol=0.03)
    assert seen.openness[:, 1].min() > 0.2


def test_a_plan_keeps_it(video, tmp_path):
    plan = plan_video(video)
    told = [each for each in plan.tracks if each.openness is not None]
    assert told
    write_plan(plan, tmp_path / "plan.jsonl")
    again = read_plan(tmp_path / "plan.jsonl").tracks[told[0].identity]
    assert np.allclose(again.openness, told[0].openness, atol=1e-3)
    assert steady(again.spots, openness=again.openness)[0].eyes >= 1
