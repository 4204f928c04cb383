"""The child that holds a generator: questions in, images out, a few images a step."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import queue
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthaug.errors import Damaged, InputError
from synthaug.provenance import Provenance, latent_seed
from synthaug.v1 import augmentation_pb2, media_pb2
from synthaug_server.children import Line, confine
from synthaug_server.engine.inputs import Limits, unpacked
from synthaug_server.refusal import refusal_of, status_of, told_bug

__all__ = ["main"]

_LARGEST_MODEL = 8 << 30
# Images a step: between steps the child sees that nobody waits any more.
_STEP = {"cpu": 16, "cuda": 64}
_LOG = logging.getLogger("synthaug.worker")


def main() -> None:
    """Answer questions until the parent is gone."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    confine(int(sys.argv[2]))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # Warm: the second it takes to import torch is over before anybody asks.
    import torch

    import synthaug.datasets.png
    import synthaug.networks.rare
    import synthaug.training

    torch.set_grad_enabled(False)
    drawer = _Drawer(synthaug.training.Generator)
    questions: queue.SimpleQueue[tuple[dict[str, Any], list[bytes]] | None] = queue.SimpleQueue()
    dropped: set[int] = set()
    threading.Thread(target=_hear, args=(line, questions, dropped), daemon=True).start()
    while (question := questions.get()) is not None:
        head, parts = question
        try:
            answer, found = drawer.answer(head, parts, dropped)
            line.say({"id": head["id"], **answer}, *found)
        except BrokenPipeError:
            break
        except Exception as raised:
            refused = refusal_of(raised)
            if refused.reason == "INTERNAL":
                _LOG.error(json.dumps({"event": "bug", **refused.facts, **told_bug(raised)}))
            fields = {
                "id": head["id"], "reason": refused.reason, "facts": refused.facts,
                "retry": refused.retry_seconds,
            }  # fmt: skip
            line.say(fields, status_of(refused).SerializeToString())
        dropped.discard(head["id"])
    os._exit(0)


def _hear(line: Line, questions: Any, dropped: set[int]) -> None:
    """Put questions into the queue; note at once those that nobody waits for any more."""
    while (heard := line.hear()) is not None:
        head, parts = heard
        if "drop" in head:
            dropped.add(head["drop"])
        else:
            questions.put((head, parts))
    # The parent is gone: whatever is being drawn is for nobody.
    os._exit(0)


@dataclasses.dataclass(frozen=True, slots=True)
class _Row:
    """One image to be drawn: which member asked for it, and how."""

    member: int
    label: int
    seed: int
    psi: float
    attributes: str


class _Drawer:
    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._generator: Any = None
        self._device = "cpu"
        self._facts: dict[str, Any] = {}

    def answer(
        self, head: dict[str, Any], parts: list[bytes], dropped: set[int]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to one question."""
        if head["do"] == "load":
            return self._load(Path(head["model"]), head["device"])
        requests = [augmentation_pb2.SampleImagesRequest.FromString(part) for part in parts]
        members = head["members"]
        return {}, self._draw(requests, members, dropped)

    def _load(self, model: Path, device: str) -> tuple[dict[str, Any], list[bytes]]:
        folder = Path(tempfile.mkdtemp(prefix="synthaug-model-"))
        try:
            source = model if model.is_dir() else unpacked(model, folder / "m", _model_limits())
            generator = self._kind.load(source)
        except InputError as error:
            # It was made by this server: whoever asks for it cannot mend it.
            raise Damaged("model cannot be read", remedy="Train it again.") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._device, fell_back = "cpu", False
        if device.startswith("cuda"):
            try:
                generator.network.to("cuda")
                self._device = "cuda"
            except (RuntimeError, AssertionError):
                generator.network.to("cpu")
                fell_back = True
        self._generator = generator
        self._facts = {
            "generator": generator.sha256, "recipe": str(generator.card.get("recipe", "")),
            "version": version("synthaug"),
        }  # fmt: skip
        # The first pass takes a hundred times as long as the second.
        for rows in (1, 2):
            self._pass([_Row(0, 0, n, 1.0, "null") for n in range(rows)])
        return {"device": self._device, "fell_back": fell_back}, []

    def _draw(
        self,
        requests: list[augmentation_pb2.SampleImagesRequest],
        members: list[int],
        dropped: set[int],
    ) -> list[bytes]:
        rows: list[_Row] = []
        for member, request in zip(members, requests, strict=True):
            label = self._generator.classes.index(request.class_name)
            attributes = json.dumps(dict(sorted(request.attributes.items())) or None)
            rows += [
                _Row(member, label, latent_seed(request.seed, request.class_name, index),
                     request.truncation_psi, attributes)
                for index in range(request.first_index, request.first_index + request.count)
            ]  # fmt: skip
        images: dict[int, list[Any]] = {member: [] for member in members}
        for step in _steps(rows, _STEP[self._device], lambda row: row.member in dropped):
            for row, image in zip(step, self._pass(step), strict=True):
                images[row.member].append(image)
        answers = [
            b"" if member in dropped else self._message(request, images[member])
            for member, request in zip(members, requests, strict=True)
        ]
        dropped.difference_update(members)
        return answers

    def _pass(self, rows: list[_Row]) -> Any:
        generator, first = self._generator, rows[0]
        return generator.render(
            generator.latents([row.seed for row in rows]), [row.label for row in rows],
            truncation_psi=first.psi, attributes=json.loads(first.attributes), together=True,
        )  # fmt: skip

    def _message(self, request: augmentation_pb2.SampleImagesRequest, images: list[Any]) -> bytes:
        answer = augmentation_pb2.SampleImagesResponse()
        for offset, image in enumerate(images):
            index = request.first_index + offset
            seed = latent_seed(request.seed, request.class_name, index)
            answer.images.add(
                image=self._image(request, image, index, seed), class_name=request.class_name,
                index=index, latent_seed=seed,
                generator_sha256=bytes.fromhex(self._facts["generator"]),
                recipe=self._facts["recipe"], version=self._facts["version"],
            )  # fmt: skip
        return bytes(answer.SerializeToString())

    def _image(
        self, request: augmentation_pb2.SampleImagesRequest, image: Any, index: int, seed: int
    ) -> media_pb2.Image:
        height, width = image.shape[1:]
        if request.format == media_pb2.IMAGE_FORMAT_RGB8:
            data = image.expand(3, height, width).permute(1, 2, 0).contiguous().numpy().tobytes()
        else:
            from synthaug.datasets.png import encode_png

            origin = Provenance(
                kind="gan", class_name=request.class_name, index=index, latent_seed=seed,
                **self._facts,
            )  # fmt: skip
            data = encode_png(image, origin)
        shown = request.format or media_pb2.IMAGE_FORMAT_PNG
        return media_pb2.Image(format=shown, data=data, width=width, height=height)


def _steps(rows: Iterable[_Row], most: int, gone: Callable[[_Row], bool]) -> Iterable[list[_Row]]:
    """Rows that can be drawn in one pass, a few at a time; those of nobody are left out."""
    left = list(rows)
    while left := [row for row in left if not gone(row)]:
        kind = (left[0].psi, left[0].attributes)
        step = [row for row in left if (row.psi, row.attributes) == kind][:most]
        yield step
        taken = set(map(id, step))
        left = [row for row in left if id(row) not in taken]


def _model_limits() -> Limits:
    return Limits(_LARGEST_MODEL, 1000)


if __name__ == "__main__":
    main()
