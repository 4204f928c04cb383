"""The story of ``synthaug anonymize --camera``: faces are replaced before they are seen."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import secrets
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthaug.errors import InputError
from synthaug.faces.cuts import CutFinder
from synthaug.faces.detections import Detections, overlap
from synthaug.faces.lookout import Attention, Lookout
from synthaug.faces.motion import MotionFinder
from synthaug.faces.plan import Action, Plan, PlannedTrack
from synthaug.faces.tracks import track
from synthaug.jobs.anonymizing.result import AnonymizedFile, Rendered
from synthaug.media import Clip, Writer
from synthaug.media.clip import paintable
from synthaug.media.editing import picture, reformat
from synthaug.media.marking import Mark
from synthaug.media.signing import signer
from synthaug.media.window import Window
from synthaug.replacing.ladder import Ladder
from synthaug.replacing.latents import salt_of
from synthaug.replacing.painter import Painter
from synthaug.training.progress import Callback, Progress, tell

__all__ = ["anonymize_camera", "camera_frames"]

_BEFORE, _AFTER = 15, 15
"""Frames that are looked back to and waited for: a face is hidden before it is first found."""
_STEP = 10


def anonymize_camera(
    camera: int | Iterable[Any],
    output: str | Path | None = None,
    *,
    window: bool = False,
    seconds: float | None = None,
    seed: int | None = None,
    force: bool = False,
    c2pa: tuple[str | Path, str | Path] | None = None,
    callbacks: Iterable[Callback] = (),
) -> AnonymizedFile:
    """What a camera shows as a file or in a window, every face replaced before it is seen.

    Frames wait in memory for half a second, so that a face is hidden before it is found. No
    frame with an open face touches a disk.

    Args:
        camera: its number, or frames in its place.
        output: the file to write; ``camera.mp4`` where there is no window either.
        window: show it on the screen; closing the window ends it as Ctrl-C does.
        seconds: when to stop; until Ctrl-C where None.
        seed: of the faces; random where None.
        force: replace what stands there.
        c2pa: PEM files of a certificate and its key, to sign the file with.
        callbacks: told how many frames are done.

    Raises:
        InputError: no such camera, no screen, or a name that is taken.
    """
    target = Path(output) if output is not None else Path("camera.mp4")
    stored = output is not None or not window
    signs = None
    if c2pa is not None:
        if not stored:
            raise InputError("c2pa", expected="a file to sign", got="a window alone",
                             remedy="Name a file with --output.")  # fmt: skip
        signs = dataclasses.replace(signer(*c2pa), filmed=True)
        signs.check([target])
    shown = camera_frames(camera) if isinstance(camera, int) else iter(camera)
    first = next(shown, None)
    if first is None:
        raise InputError("camera", expected="frames", got="none", where=str(camera))
    clip = _clip(first, target)
    live = _Live(clip, seed)
    done = 0
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(Window()) if window else None
        writer = None
        if stored:
            writer = Writer(clip, target, mute=True, force=force, signer=signs)
            stack.enter_context(writer)

        def give(ready: Any) -> None:
            nonlocal done
            done += 1
            try:
                if screen is not None:
                    screen.write(ready)
            finally:
                if writer is not None:
                    writer.write(ready)

        began = time.monotonic()
        with contextlib.suppress(KeyboardInterrupt):
            for frame in _from(first, shown):
                for ready in live(frame):
                    give(ready)
                tell(callbacks, Progress(phase="film", images_seen=done, unit="frames"))
                if seconds is not None and time.monotonic() - began > seconds:
                    break
        for ready in live.rest():
            give(ready)
        names = sorted({name for counts in live.rungs.values() for name in counts})
        if writer is not None:
            writer.mark = Mark(
                version=version("synthaug"), generated=bool(set(names) - {"cover"}),
                facts={"faces": len(live.rungs), "rungs": names},
            )  # fmt: skip
    made = Rendered(
        output=target if stored else Path("window"),
        frames=done,
        rungs=live.rungs,
        warnings=tuple(live.said),
    )
    return AnonymizedFile(source=Path(f"camera {camera}"), rendered=made)


def camera_frames(number: int) -> Iterator[Any]:
    """What a camera shows, ``av.VideoFrame`` after frame.

    Raises:
        InputError: no such camera.
    """
    import av

    sources = {
        "linux": (f"/dev/video{number}", "v4l2"),
        "darwin": (str(number), "avfoundation"),
        "win32": (f"video={number}", "dshow"),
    }
    file, name = sources.get(sys.platform, sources["linux"])
    try:
        container: Any = av.open(file, format=name)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            "camera", expected="one that is there and free", got=str(error), where=file,
            remedy="Check its number and that no other program uses it.", code="input.camera",
        ) from error  # fmt: skip
    with container:
        yield from container.decode(video=0)


class _Live:
    """Hides faces in frames that come one by one, half a second late."""

    def __init__(self, clip: Clip, seed: int | None) -> None:
        self._clip = clip
        self._salt = salt_of(seed) if seed is not None else secrets.token_bytes(32)
        # Nothing can be looked up again: both detectors look often.
        self._lookout = Lookout(attention=Attention(cadence=0.1, first=1280))
        self._cut, self._motion, self._ladder = CutFinder(), MotionFinder(), Ladder.usual()
        self._known: deque[tuple[int, Detections, bool]] = deque()
        self._waiting: deque[Any] = deque()
        self._numbers = itertools.count()
        self._last: list[tuple[int, Any]] = []
        self._began: Fraction | None = None
        self._before = -1
        self.rungs: dict[int, Any] = {}
        self.said = self._ladder.said

    def __call__(self, frame: Any) -> Iterator[Any]:
        """Frames that are ready once this one has come."""
        time = self._time(frame)
        frame = reformat(
            frame,
            width=self._clip.width,
            height=self._clip.height,
            format=self._clip.pixel_format,
        )
        image = picture(frame)
        cut = self._cut(image)
        frame.pts, frame.time_base = time, self._clip.time_base
        found = self._lookout(
            image, cut=cut, time=float(time * self._clip.time_base), motion=self._motion(image)
        )
        self._known.append((time, found, cut))
        self._waiting.append(frame)
        if len(self._waiting) >= _STEP + _AFTER:
            yield from self._painted(_STEP)

    def _time(self, frame: Any) -> int:
        """When a frame is shown, in the clip's time base; times rise."""
        seconds = None if frame.pts is None else frame.pts * Fraction(frame.time_base)
        if self._began is None:
            self._began = seconds or Fraction(0)
        step = round(1 / (self._clip.rate * self._clip.time_base))
        time = self._before + step
        if seconds is not None:
            time = max(self._before + 1, round((seconds - self._began) / self._clip.time_base))
        self._before = time
        return time

    def rest(self) -> Iterator[Any]:
        """The frames that still wait."""
        yield from self._painted(len(self._waiting))

    def _painted(self, count: int) -> Iterator[Any]:
        """The next frames, with the faces found before, in and after them hidden."""
        if not count:
            return
        times = [time for time, _, _ in self._known]
        tracks = track(
            [found for _, found, _ in self._known],
            [float(time * self._clip.time_base) for time in times],
            [cut for _, _, cut in self._known], (self._clip.width, self._clip.height),
        )  # fmt: skip
        start = times.index(int(self._waiting[0].pts))
        planned = [self._planned(each, times, start, count) for each in tracks]
        plan = Plan(
            "camera", "", self._clip.width, self._clip.height, count, self._clip.time_base, {}, "",
            [each for each in planned if each is not None],
        )  # fmt: skip
        painter = Painter(plan, self._ladder, self._salt)
        for _ in range(count):
            frame = self._waiting.popleft()
            painter.paint(frame)
            yield frame
        for identity, counts in painter.rungs.items():
            self.rungs.setdefault(identity, counts.__class__()).update(counts)
        self._last = [(each.identity, each.spots[-1].box) for each in plan.tracks]
        while len(self._known) > len(self._waiting) + _BEFORE:
            self._known.popleft()

    def _planned(self, each: Any, times: list[int], start: int, count: int) -> PlannedTrack | None:
        """The part of a track that lies in the frames to be painted, under its old number."""
        first, last = max(each.first, start), min(each.last, start + count - 1)
        if first > last:
            return None
        spots = each.spots[first - each.first : last - each.first + 1]
        identity = self._identity(spots[0].box)
        return PlannedTrack(
            identity, Action.REPLACE, first - start, times[first : last + 1], list(spots)
        )

    def _identity(self, box: Any) -> int:
        """The number of the track that ended here, else a new one."""
        if self._last:
            shares = [float(overlap(box[None], other[None])[0, 0]) for _, other in self._last]
            best = max(range(len(shares)), key=shares.__getitem__)
            if shares[best] > 0.2:
                return self._last.pop(best)[0]
        return next(self._numbers)


def _clip(frame: Any, target: Path) -> Clip:
    """What a camera's frames will be as a file."""
    rate = Fraction(30)
    container = {".mkv": "matroska", ".mov": "mov", ".webm": "webm"}.get(target.suffix, "mp4")
    return Clip(
        path=Path(f"camera{target.suffix}"), container=container, stream=0, codec="camera",
        width=frame.width, height=frame.height, rotation=0, sample_aspect=None, rate=rate,
        pixel_format=paintable(frame.format.name), time_base=Fraction(1, 90_000), fields="",
        colour=(int(frame.color_range), 2, 2, int(frame.colorspace)), frames=0, audio=(),
        left_out=(),
    )  # fmt: skip


def _from(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from others
