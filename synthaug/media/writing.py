"""A video file written so that it differs from its source in the pixels that were changed."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Any

from synthaug.errors import Damaged, InputError, OutOfResources, Stopped
from synthaug.media.clip import Clip, same_container
from synthaug.media.encoding import Coding, Encoder, chosen
from synthaug.media.marking import Mark, append_mark, tags
from synthaug.media.segments import Packet, Part, Segments, frames_a_segment
from synthaug.media.sheltered import Child, Crashed
from synthaug.media.signing import Signer

__all__ = ["Writer", "check_output", "unwritten", "work_folder"]


def check_output(source: Path, output: Path, *, force: bool = False) -> None:
    """Refuse an output that is the source, or that is there already.

    Raises:
        InputError: the name is taken, or is the source itself.
    """
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError("output", expected="another file than the input", where=str(output))
    if output.is_dir():
        raise InputError("output", expected="a file", got="a folder", where=str(output))
    if output.exists() and not force:
        raise InputError(
            "output", expected="a new file", got="one that is there", where=str(output),
            remedy="Choose another name, or pass --force.", code="output.exists",
        )  # fmt: skip


def work_folder(output: Path) -> Path:
    """Where the parts of an output wait until it is whole."""
    return output.with_name(f".{output.name}.work")


class Writer:
    """Writes frames with their own times beside the source's sound; appears whole or not at all.

    Use it as a context manager: leaving the block well gives the file its name, an exception
    leaves nothing. With a ``key`` the coded parts wait in a hidden folder beside the output
    when the run is stopped, killed or short of room, and the next run with that key goes on:
    its `done` says with which frame.

    Args:
        clip: the source.
        output: the file to write; the source's container.
        mute: leave the sound out.
        force: replace what stands there.
        coding: how pictures are coded; None chooses by the container.
        key: what every pixel depends on; empty where nothing is to be resumed.
        resume: go on with what an earlier run left.
        signer: signs the file once it has its mark; None leaves it unsigned.

    Attributes:
        done: frames that an earlier run has written already.
        state: what it said with the last of them; None at the beginning.
        mark: what the file will say about itself; set it before the block ends.
        note: told the finished file before it gets its name; gives files of `folder` that stay.
        warning: what is missing in the output, in words, once the block has ended.

    Raises:
        InputError: the name is taken, is the source itself, or promises another container.
    """

    def __init__(
        self,
        clip: Clip,
        output: str | Path,
        *,
        mute: bool = False,
        force: bool = False,
        coding: Coding | None = None,
        key: str = "",
        resume: bool = True,
        signer: Signer | None = None,
    ) -> None:
        self.clip, self.output = clip, Path(output)
        check_output(clip.path, self.output, force=force)
        if not same_container(self.output, clip):
            raise InputError(
                "output", expected=f"a name that ends in {clip.path.suffix}",
                got=self.output.name, where=str(output), code="output.name",
            )  # fmt: skip
        self.coding = coding or chosen(clip)
        self.mark: Mark | None = None
        self.note: Callable[[Path], Collection[Path]] | None = None
        self.warning = ""
        self._kept: Collection[Path] = ()
        self._mute, self._key, self._resume, self._signer = mute, key, resume, signer
        self._encoder: Encoder | None = None
        self._length = frames_a_segment(clip.width, clip.height)

    def __enter__(self) -> Writer:
        folder = work_folder(self.output)
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            self._segments = Segments(
                folder, f"{self._key}\n{self.coding}", resume=self._resume and bool(self._key)
            )
        except InputError:
            raise
        except OSError as error:
            raise unwritten(error, self.output) from error
        self.done = self._segments.frames
        self.state = self._segments.done[-1].state if self._segments.done else None
        self._stack = contextlib.ExitStack()
        return self

    @property
    def folder(self) -> Path:
        """Where the parts wait."""
        return self._segments.folder

    def write(self, frame: Any, state: Callable[[], Any] | None = None) -> None:
        """Encode one frame, its ``pts`` in the clip's time base; times rise.

        Args:
            frame: ``av.VideoFrame``; not to be used afterwards.
            state: gives, JSON-ready, what the next frame depends on beside itself.
        """
        import av

        try:
            if self._encoder is None:
                self._encoder, self._coded = Encoder(self.clip, self.coding), 0
                self._part: Part = self._stack.enter_context(self._segments.new())
            self._keep(self._encoder.encode(frame))
            self._coded += 1
            if self._coded == self._length:
                self._finish(state() if state else None)
        except (OSError, av.FFmpegError) as error:
            raise unwritten(error, self.output) from error

    def _keep(self, packets: list[Any]) -> None:
        for packet in packets:
            self._part.add(Packet(packet.pts, packet.is_keyframe, bytes(packet)))

    def _finish(self, state: Any) -> None:
        """End the segment."""
        assert self._encoder is not None
        self._keep(self._encoder.encode(None))
        self._part.finish(self._encoder.header, state)
        self._encoder = None
        self._stack.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        keep = isinstance(error, KeyboardInterrupt | Stopped | OutOfResources | MemoryError)
        try:
            if kind is None:
                keep = True
                if self._encoder is not None:
                    self._finish(None)
                if not self._segments.done:
                    raise Damaged("video", expected="a frame", got="none",
                                  where=str(self.clip.path))  # fmt: skip
                self._join()
                keep = False
            self._stack.close()
        except Damaged:
            keep = False
            raise
        except OSError as failed:
            raise unwritten(failed, self.output) from failed
        finally:
            self._segments.close(keep=keep and bool(self._key), but=self._kept)

    def _join(self) -> None:
        """Make one file of the parts and the source's sound, in a sheltered process."""
        whole = self._segments.folder / f"whole{self.output.suffix}"
        request = {
            "do": "join", "clip": self.clip.to_dict(),
            "coding": {"encoder": self.coding.encoder, "options": {},
                       "pixel_format": self.coding.pixel_format},
            "header": self._segments.done[0].header.hex(),
            "parts": [str(each.path) for each in self._segments.done],
            "output": str(whole), "mute": self._mute,
            "metadata": tags(self.mark, self.clip.container) if self.mark else {},
        }  # fmt: skip
        try:
            with Child(request, writes=True, patience=600) as child:
                for answer in child.answers():
                    self.warning = str(answer.get("warning", self.warning))
        except Crashed as crash:
            if self._mute or not self.clip.audio:
                raise
            # The pictures are ours; what cannot be read is the sound.
            self.warning = f"the sound is left out: {crash}"
            with Child({**request, "mute": True}, writes=True, patience=600) as child:
                for _ in child.answers():
                    pass
        if self.mark is not None:
            append_mark(whole, self.mark, self.clip.container)
            if self._signer is not None:
                whole = self._signed(whole, self.mark)
        if self.note is not None:
            self._kept = self.note(whole)
        whole.replace(self.output)

    def _signed(self, whole: Path, mark: Mark) -> Path:
        assert self._signer is not None
        signed = whole.with_name(f"signed{whole.suffix}")
        with whole.open("rb") as source, signed.open("w+b") as out:
            self._signer.sign(source, out, self.output, mark)
        whole.unlink()
        return signed


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unwritten(error: Exception, output: Path) -> Exception:
    """What to raise where a file cannot be written."""
    if isinstance(error, InputError | OutOfResources | Damaged):
        return error
    if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return InputError("output", expected="a folder this user can write to", where=str(output))
    return OutOfResources(
        "video cannot be written", got=getattr(error, "strerror", None) or str(error),
        where=str(output), remedy="Make room and run the same command again.",
    )  # fmt: skip
