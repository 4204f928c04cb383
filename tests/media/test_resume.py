"""A run that was stopped goes on, and nobody can tell from the file."""

from __future__ import annotations

import hashlib
import resource
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from synthaug.errors import InputError, OutOfResources, Stopped
from synthaug.media import Writer, frames, probe
from synthaug.media import writing as writing_module


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Thirty frames with B frames."""
    path = tmp_path_factory.mktemp("source") / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 12800)
        y, x = np.mgrid[:64, :96]
        for index in range(30):
            rgb = np.stack([x * 2 + index * 5, y * 3 + index, x + y], -1).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index * 512, Fraction(1, 12800)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(writing_module, "frames_a_segment", lambda *_: 8)


def pictures(path: Path) -> list[tuple[int, str]]:
    return [
        (frame.pts, hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest())
        for frame in frames(probe(path))
    ]


def write(source: Path, output: Path, *, key: str = "k", stop: int | None = None, error=Stopped):
    """Write all frames, or up to one at which something happens; where it began."""
    clip = probe(source)
    with Writer(clip, output, key=key) as writer:
        for number, frame in enumerate(frames(clip)):
            if number < writer.done:
                continue
            if number == stop:
                raise error("told to")
            writer.write(frame, lambda number=number: {"last": number})
    return writer.done, writer.state


@pytest.mark.parametrize(
    ("stop", "error"), [(3, Stopped), (8, KeyboardInterrupt), (21, OutOfResources)]
)
def test_what_is_resumed_is_what_would_have_been(source, tmp_path, stop, error):
    write(source, tmp_path / "whole.mp4")
    with pytest.raises(error):
        write(source, tmp_path / "b.mp4", stop=stop, error=error)
    assert not (tmp_path / "b.mp4").exists()
    began, state = write(source, tmp_path / "b.mp4")
    assert began == stop // 8 * 8
    assert state == ({"last": began - 1} if began else None)
    assert pictures(tmp_path / "b.mp4") == pictures(tmp_path / "whole.mp4")
    assert (tmp_path / "b.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.mp4", "whole.mp4"]


def test_parts_of_something_else_are_not_used(source, tmp_path):
    with pytest.raises(Stopped):
        write(source, tmp_path / "b.mp4", stop=20)
    began, _ = write(source, tmp_path / "b.mp4", key="another")
    assert began == 0


def test_a_part_that_was_cut_off_is_written_again(source, tmp_path):
    with pytest.raises(Stopped):
        write(source, tmp_path / "b.mp4", stop=20)
    part = tmp_path / ".b.mp4.work" / "000001.segment"
    part.write_bytes(part.read_bytes()[:-9])
    began, _ = write(source, tmp_path / "b.mp4")
    assert began == 8


def test_two_runs_do_not_write_one_file(source, tmp_path):
    clip = probe(source)
    with Writer(clip, tmp_path / "b.mp4", key="k") as writer:
        with (
            pytest.raises(InputError, match="one run at a time"),
            Writer(clip, tmp_path / "b.mp4", key="k"),
        ):
            pytest.fail("two runs")
        for frame in frames(clip):
            writer.write(frame)
    assert len(pictures(tmp_path / "b.mp4")) == 30


def test_no_room_on_the_disk_leaves_what_is_done(source, tmp_path):
    write(source, tmp_path / "whole.mp4")
    size = (tmp_path / "whole.mp4").stat().st_size
    clip = probe(source)
    shown = list(frames(clip))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = Writer(clip, tmp_path / "b.mp4", key="k")

    def write_all() -> None:
        with writer:
            for frame in shown:
                writer.write(frame)
            # The parts had room, the whole has not.
            resource.setrlimit(resource.RLIMIT_FSIZE, (size * 6 // 10, before[1]))

    try:
        with pytest.raises(OutOfResources) as caught:
            write_all()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.exit_code == 7
    assert not (tmp_path / "b.mp4").exists()
    began, _ = write(source, tmp_path / "b.mp4")
    assert began == 30
    assert pictures(tmp_path / "b.mp4") == pictures(tmp_path / "whole.mp4")


def test_no_room_for_a_part_leaves_the_parts_before(source, tmp_path):
    clip = probe(source)
    shown = list(frames(clip))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = Writer(clip, tmp_path / "b.mp4", key="k")

    def write_all() -> None:
        with writer:
            for number, frame in enumerate(shown):
                if number == 20:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
                writer.write(frame)

    try:
        with pytest.raises(OutOfResources):
            write_all()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    began, _ = write(source, tmp_path / "b.mp4")
    assert began == 16


def test_other_errors_leave_nothing(source, tmp_path):
    with pytest.raises(RuntimeError):
        write(source, tmp_path / "b.mp4", stop=20, error=RuntimeError)
    assert list(tmp_path.iterdir()) == []
