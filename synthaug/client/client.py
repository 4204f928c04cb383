"""`connect` and the client it gives: the local functions, done by a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from google.longrunning import operations_pb2

from synthaug.client import anonymizing, augmenting, evaluating, sampling
from synthaug.client.frames import AnonymizedFrame, stream_frames
from synthaug.client.jobs import Job, follow, job_of, listed
from synthaug.client.requests import here_only, numbers_of
from synthaug.client.wire import TLS, Wire
from synthaug.errors import InputError
from synthaug.media.clip import Limits
from synthaug.training.progress import Callback
from synthaug.v1 import anonymization_pb2, augmentation_pb2, media_pb2, model_pb2

if TYPE_CHECKING:
    from synthaug.datasets import AugmentedDataset
    from synthaug.jobs.anonymizing.result import AnonymizeResult
    from synthaug.jobs.evaluate import Evaluation

__all__ = ["Client", "connect"]


def connect(
    address: str,
    token: str | None = None,
    tls: TLS | str | Path | None = None,
    *,
    patience: float = 60.0,
) -> Client:
    """A client of the server at an address, for a ``with`` block.

    Args:
        address: ``"host:port"``.
        token: as ``synthaug serve tokens add`` printed it; None where the server asks for none.
        tls: PEM file of the CA that signed the server's certificate, or `TLS` for more. None is
            plain text to this machine's own addresses, and TLS with the system's CAs to others.
        patience: seconds for which a server that is away or overloaded is tried again.

    Raises:
        InputError: an address, token or file that cannot be used.

    Example:
        >>> connect("127.0.0.1")
        Traceback (most recent call last):
        ...
        synthaug.errors.InputError: server: expected host:port, got '127.0.0.1'. ...
    """
    return Client(Wire(address, token, tls, patience))


class Client:
    """The local functions, done by a server; made by `connect`.

    Results are those of the local functions. Options that the service does not know are refused,
    not passed over. A call with an output remembers beside it what it has begun (a hidden file
    ``.NAME.job.json``): interrupted, the same call goes on, and meanwhile the job does. A call
    without an output cancels its job when it is left. What a job made stays on the server until
    it expires there, or until `remove`.

    Args:
        wire: the connection; closed with the client.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __enter__(self) -> Self:
        """Ask the server something small: whether it is there and knows the token.

        Raises:
            OutOfResources: it cannot be reached.
            InputError: it does not know the token.
        """
        request = operations_pb2.ListOperationsRequest(page_size=1)
        try:
            self._wire.ask(self._wire.operations.ListOperations, request, timeout=10.0, again=False)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what is under way and hang up; jobs go on at the server."""
        self._wire.close()

    def augment(
        self,
        dataset: Any,
        target_counts: object = "balance",
        *,
        groups: Any = None,
        size: int | str = "auto",
        budget: str | float = "10min",
        recipe: Any = "rare",
        on_reject: str = "redraw",
        seed: int = 0,
        device: str = "auto",
        out: str | Path | None = None,
        resume: bool = True,
        strict: bool = False,
        callbacks: Sequence[Callback] = (),
        subsample: bool = False,
        skip_bad: bool = False,
        copy_real: bool = False,
        force: bool = False,
        command: str = "",
    ) -> AugmentedDataset:
        """What `synthaug.augment` gives; the arguments are explained there.

        Its real items are the caller's own, untouched: files of a folder and shards are sent as
        they are, arrays and data sets as lossless pictures. ``out`` is the folder that the local
        call writes, without ``report.private.html``; ``command`` is not told to the server.

        Raises:
            InputError: data or arguments that cannot be used, or that only a local call takes.
            GateFailed: with ``strict``, a gate failed; nothing is written.
            Stopped: the job was cancelled.
            OutOfResources: the server is away or full.
        """
        here_only(device=(device, "auto"))
        if not isinstance(recipe, str):
            here_only(recipe=(type(recipe).__name__, "a name"))
        wishes = {
            "target_counts": target_counts, "groups": groups, "size": size, "budget": budget,
            "recipe": recipe, "on_reject": on_reject, "seed": seed, "strict": strict,
            "subsample": subsample, "skip_bad": skip_bad,
        }  # fmt: skip
        return augmenting.augment(
            self._wire, dataset, wishes, out=None if out is None else Path(out), resume=resume,
            copy_real=copy_real, force=force, callbacks=tuple(callbacks),
        )  # fmt: skip

    def anonymize(
        self,
        source: str | Path,
        output: str | Path | None = None,
        *,
        keep: Sequence[str | Path] = (),
        only: Sequence[str | Path] = (),
        zones: Sequence[Any] = (),
        between: Sequence[tuple[float, float]] = (),
        smallest: float = 0.0,
        consistent: bool = False,
        mute: bool = False,
        seed: int | None = None,
        audit: bool = True,
        strict: bool = False,
        force: bool = False,
        plan_file: str | Path | None = None,
        forget: bool = False,
        generator: str | Path | None = None,
        codec: str = "auto",
        hardware: bool = False,
        resume: bool = True,
        max_pixels: int = Limits().pixels,
        c2pa: tuple[str | Path, str | Path] | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> AnonymizeResult:
        """What `synthaug.anonymize` gives; the arguments are explained there.

        The server forgets the salt in any case (``forget``), and a file in which the audit finds
        an open face is not sent: the local call leaves it, for its owner to look at. Of the
        audit's folder the page and the facts are written, without ``worst.private.png``:
        pictures of faces do not leave the server.

        Raises:
            InputError: the one input cannot be used, or an option that only a local call takes.
            ExposedFace: the one input would have been written with an open face.
            Stopped: the job was cancelled.
            OutOfResources: the server is away or full; the same call goes on.
        """
        here_only(
            generator=(generator, None), codec=(codec, "auto"), hardware=(hardware, False),
            max_pixels=(max_pixels, Limits().pixels), c2pa=(c2pa, None),
        )  # fmt: skip
        if smallest != int(smallest):
            raise InputError("smallest", expected="whole pixels for a server", got=f"{smallest:g}")
        wishes = anonymizing.Wishes(
            keep=tuple(map(Path, keep)), only=tuple(map(Path, only)), zones=tuple(zones),
            between=tuple(between), smallest=int(smallest), consistent=consistent, mute=mute,
            seed=seed, audit=audit, strict=strict, force=force, resume=resume,
            plan_file=None if plan_file is None else Path(plan_file),
        )  # fmt: skip
        return anonymizing.anonymize(self._wire, source, output, wishes, tuple(callbacks))

    def anonymize_frames(
        self,
        frames: Iterable[tuple[float, Any]],
        *,
        smallest: int = 0,
        seed: int | None = None,
    ) -> Iterator[AnonymizedFrame]:
        """Each frame with its faces replaced, as soon as the server has done it, in order.

        Args:
            frames: seconds and uint8 (H, W, 3) RGB of each; all of one size. They are read ahead
                of the answers.
            smallest: faces with a larger side below it are covered, not generated, pixels.
            seed: of the faces; random where None.

        Raises:
            SynthaugError: one frame cannot be done; those answered before stay valid. Nothing is
                tried again: who is on a track is known to that one stream.
        """
        settings = anonymization_pb2.AnonymizeSettings(
            smallest=smallest, seed=seed, format=media_pb2.IMAGE_FORMAT_RGB8
        )
        return stream_frames(self._wire, frames, settings)

    def evaluate(
        self,
        real: Any,
        synthetic: Any,
        *,
        train: Any = None,
        groups: Mapping[str, Any] | None = None,
        alpha: float = 0.05,
        seed: int = 0,
        device: str = "auto",
        limits: Any = None,
        extractor: Any = None,
        neighbours: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> Evaluation:
        """What `synthaug.evaluate` gives, but for ``nearest``; tar files will do, too.

        Groups may also be a CSV file, a pattern or a callable, as `synthaug.augment` takes them.

        Raises:
            InputError: images that cannot be used, or an option that only a local call takes.
            Stopped: the job was cancelled.
            OutOfResources: the server is away or full.
        """
        here_only(
            device=(device, "auto"), limits=(limits, None), extractor=(extractor, None),
            neighbours=(neighbours, None),
        )  # fmt: skip
        return evaluating.evaluate(
            self._wire, {"real": real, "synthetic": synthetic, "train": train}, groups or {},
            alpha=alpha, seed=seed, callbacks=tuple(callbacks),
        )  # fmt: skip

    def sample(
        self,
        generator: str,
        *,
        class_name: str,
        count: int = 16,
        out: str | Path,
        seed: int = 0,
        truncation_psi: float = 1.0,
        grid: tuple[int, int] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> list[Path]:
        """What `synthaug.sample` gives, drawn by a generator that the server has.

        Args:
            generator: ``"models/..."``, as `models` lists them.
            class_name: as there.
            count: as there.
            out: as there, a folder.
            seed: as there.
            truncation_psi: as there.
            grid: only in a local call.
            attributes: as there, numbers only.

        Raises:
            InputError: an unknown model, class or attribute, or a count below 1.
            OutOfResources: the server is away or full.
        """
        here_only(grid=(grid, None))
        request = augmentation_pb2.StreamSamplesRequest(
            model=str(generator), class_name=class_name, count=max(0, count), seed=seed,
            truncation_psi=truncation_psi, attributes=numbers_of(attributes),
        )  # fmt: skip
        return sampling.sample(self._wire, request, Path(out))

    def models(self) -> list[str]:
        """Names of the generators that `sample` takes: those of the caller's own jobs."""
        request = model_pb2.ListModelsRequest(kind=model_pb2.MODEL_KIND_GENERATOR)
        names: list[str] = []
        while True:
            page = self._wire.ask(self._wire.models.ListModels, request)
            names += [model.name for model in page.models]
            if not page.next_page_token:
                return names
            request.page_token = page.next_page_token

    def jobs(self, *, ended: bool | None = None) -> list[Job]:
        """The caller's jobs, newest first; an operator's list has everybody's.

        Args:
            ended: only those that have ended, or only those that have not.
        """
        return list(listed(self._wire, ended=ended))

    def job(self, name: str) -> Job:
        """One job as it stands.

        Raises:
            InputError: there is none, or it is somebody else's.
        """
        return job_of(self._wire, name)

    def watch(self, name: str, *, callbacks: Iterable[Callback] = ()) -> Job:
        """One job once it has ended; leaving early leaves it running.

        Args:
            name: ``"operations/..."``.
            callbacks: told its progress and warnings, from its beginning.

        Raises:
            InputError: there is none, or it is somebody else's.
        """
        return follow(self._wire, name, callbacks)

    def cancel(self, name: str) -> None:
        """Ask a job to stop; one that has ended stays as it is.

        Raises:
            InputError: there is none, or it is somebody else's.
        """
        request = operations_pb2.CancelOperationRequest(name=name)
        self._wire.ask(self._wire.operations.CancelOperation, request)

    def remove(self, name: str) -> None:
        """Delete a job that has ended and all that it made.

        Raises:
            InputError: there is none, it is somebody else's, or it has not ended.
        """
        request = operations_pb2.DeleteOperationRequest(name=name)
        self._wire.ask(self._wire.operations.DeleteOperation, request, again=False)
