"""A video in, the same video without its faces out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import synthaug
from synthaug.errors import InputError
from synthaug.jobs.anonymize import render_planned
from synthaug.media import frames, probe
from synthaug.media.editing import picture
from synthaug.media.segments import Segments

FACE = (slice(90, 180), slice(192, 255))  # rows and columns inside the face


@pytest.fixture(scope="module")
def portrait(moving_face, tmp_path_factory) -> Path:
    """Eight frames of one face that moves to the right."""
    return moving_face(tmp_path_factory.mktemp("portrait") / "portrait.mp4", 8)


def test_the_face_is_gone_and_the_rest_is_there(portrait, tmp_path):
    out = tmp_path / "out.mp4"
    result = synthaug.anonymize(portrait, out)
    assert result.outputs == (out,)
    assert result.exit_code == 0
    before, after = (list(frames(probe(path))) for path in (portrait, out))
    assert [frame.pts for frame in after] == [frame.pts for frame in before]
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        shift = 60 - 2 * index
        inside = FACE[0], slice(FACE[1].start - shift, FACE[1].stop - shift)
        was, now = picture(one).astype(float), picture(other).astype(float)
        # The face's own light and shade are no longer there; another face's may be.
        greys = [each[inside].mean(-1).ravel() for each in (was, now)]
        assert np.corrcoef(*greys)[0, 1] < 0.8
        assert np.abs(greys[0] - greys[1]).mean() > 8
        assert np.abs(was - now)[:, :60].mean() < 2


def test_what_is_there_stays_there(portrait, tmp_path):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"mine")
    with pytest.raises(InputError, match="--force"):
        synthaug.anonymize(portrait, out)
    assert out.read_bytes() == b"mine"


class Killed(BaseException):
    """Stands in for kill -9: nobody catches it."""


@pytest.mark.parametrize("audit", [True, False])
def test_a_run_killed_once_its_file_has_its_name_is_ended_by_the_same_call(
    portrait, tmp_path, monkeypatch, audit
):
    out, plan = tmp_path / "out.mp4", tmp_path / "plan.jsonl"

    def killed(segments: Segments, **_: object) -> None:
        segments._lock.close()
        raise Killed

    def again(call: Callable[[], object]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Segments, "close", killed)
            with pytest.raises(Killed):
                call()
        content = out.read_bytes()
        call()
        assert out.read_bytes() == content
        assert not out.with_name(".out.mp4.work").exists()
        with pytest.raises(InputError, match="--force"):
            call()

    asked = {"audit": audit, "plan_file": plan}
    again(lambda: synthaug.anonymize(portrait, out, **asked))
    if not audit:
        out.unlink()
        again(lambda: render_planned(portrait, plan, out))
