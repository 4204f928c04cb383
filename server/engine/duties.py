"""What the child of a job does: the request in, files and messages out; no names, no stores.

Each kind calls the public local function, so that a job gives what the local call gives.
"""

from __future__ import annotations

import csv
import dataclasses
import inspect
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from synthaug.errors import InputError
from synthaug.v1 import (
    anonymization_pb2,
    artifact_pb2,
    augmentation_pb2,
    dataset_pb2,
    model_pb2,
    quality_pb2,
)
from synthaug_server.engine.inputs import Limits, set_from
from synthaug_server.engine.outputs import pack, verdict_messages

__all__ = ["DUTIES", "Made", "Order"]

_PREFIX = "artifacts/"
_ON_REJECT = {
    augmentation_pb2.ON_REJECT_UNSPECIFIED: "redraw",
    augmentation_pb2.ON_REJECT_REDRAW: "redraw",
    augmentation_pb2.ON_REJECT_CLASSICAL: "classical",
    augmentation_pb2.ON_REJECT_KEEP: "keep",
}
_RUNGS = {
    anonymization_pb2.REPLACEMENT_RUNG_GENERATED: "generated",
    anonymization_pb2.REPLACEMENT_RUNG_AVERAGE: "average",
    anonymization_pb2.REPLACEMENT_RUNG_COVER: "cover",
}
_RUNG_NUMBERS = {name: number for number, name in _RUNGS.items()}
_DOUBTS = 10_000
_PLAN = "plan.jsonl"
_OF_VIDEOS = {"between", "consistent", "mute"}
# Of the saved set: what may leave the server. The private report shows real images.
_SET = (
    "dataset.json", "provenance.jsonl", "real.csv", "report.html", "report.json", "synthetic",
    "verdicts.json",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a child is given.

    Args:
        body: the request, serialized.
        folder: the job's own; what lies in it survives until the job has ended.
        artifacts: identifier to file, of the artifacts named in the request.
        device: ``"cpu"`` or ``"cuda"``.
        limits: of the sets that are unpacked.
        listener: object with ``on_progress``.
        warn: takes a sentence for people.
    """

    body: bytes
    folder: Path
    artifacts: Mapping[str, Path]
    device: str
    limits: Limits
    listener: Any
    warn: Callable[[str], None]

    def artifact(self, name: str) -> Path:
        """The file of "artifacts/ID"."""
        return self.artifacts[name.removeprefix(_PREFIX)]


@dataclasses.dataclass(slots=True)
class Made:
    """What a child made; names are given where it is published.

    Args:
        result: the response of the operation, without names.
        files: label to file and number of ArtifactKind; a label is also the field of ``result``
            that takes the artifact's name, if it has one.
        report: of the gates; None where there is none.
        model: of the generator; its bytes are the file labelled "model".
    """

    result: Message
    files: dict[str, tuple[Path, int]] = dataclasses.field(default_factory=dict)
    report: quality_pb2.Report | None = None
    model: model_pb2.Model | None = None


def _evaluate(order: Order) -> Made:
    import synthaug

    request = quality_pb2.EvaluateQualityRequest.FromString(order.body)
    groups: dict[str, Any] = {}

    def images_of(field: str, told: dataset_pb2.Groups | None) -> Any:
        source = _set(order, getattr(request, field), field)
        grouping = None if told is None else _groups(order, told)
        if grouping is None and not isinstance(source, list):
            return source
        images = synthaug.datasets.open(source, grouping, one_class=True)
        if grouping is not None:
            groups[field] = images.groups
        return images

    real = images_of("real", request.real_groups)
    synthetic = images_of("synthetic", None)
    train = images_of("train", request.train_groups) if request.HasField("train") else None
    found = synthaug.evaluate(
        real, synthetic, train=train, groups=groups or None, alpha=request.alpha or 0.05,
        seed=request.seed, device=order.device,
    )  # fmt: skip
    report = quality_pb2.Report(
        kind="JOB_KIND_EVALUATE", verdicts=verdict_messages(found.verdicts), space=found.space,
        notes=found.notes,
    )  # fmt: skip
    for scope, numbers in found.metrics.items():
        values = {name: float(value) for name, value in numbers.items() if value is not None}
        report.metrics.add(scope=scope, values=values)
    result = quality_pb2.EvaluateResult(
        failed=found.failed, verdicts=verdict_messages(found.verdicts)
    )
    return Made(result, report=report)


def _augment(order: Order) -> Made:
    request = augmentation_pb2.CreateAugmentJobRequest.FromString(order.body)
    out = order.folder / "set"
    # Before torch: what cannot be unpacked is told within a moment.
    dataset = _set(order, request.dataset, "dataset")
    import synthaug

    result = synthaug.augment(
        dataset, _targets(request.target_counts),
        groups=_groups(order, request.groups), size=request.size or "auto",
        budget=_budget(request.budget), recipe=request.recipe or "rare",
        on_reject=_ON_REJECT[request.on_reject], seed=request.seed, device=order.device, out=out,
        strict=request.strict, callbacks=(order.listener,), subsample=request.subsample,
        skip_bad=request.skip_bad, force=True,
    )  # fmt: skip
    _forget_places(out)
    made = Made(
        augmentation_pb2.AugmentResult(
            verdicts=verdict_messages(result.verdicts),
            summary=result.summary().splitlines(),
            classes=[
                augmentation_pb2.ClassOutcome(class_name=name, **kinds)
                for name, kinds in result.mixture.items()
            ],
        ),
        report=quality_pb2.Report(
            kind="JOB_KIND_AUGMENT", verdicts=verdict_messages(result.verdicts),
            notes=result.report.warnings,
        ),
    )  # fmt: skip
    kinds = artifact_pb2
    made.files["artifact"] = (
        pack(out, _SET, order.folder / "set.tar"), kinds.ARTIFACT_KIND_DATASET
    )  # fmt: skip
    made.files["page"] = (out / "report.html", kinds.ARTIFACT_KIND_REPORT)
    generator: Any = result.generator
    if generator is not None:
        model = pack(out / "generator", _names(out / "generator"), order.folder / "model.tar")
        made.files["model"] = (model, kinds.ARTIFACT_KIND_MODEL)
        made.model = model_pb2.Model(
            sha256=bytes.fromhex(generator.sha256), size_bytes=model.stat().st_size,
            purpose="draws images of the classes it was trained on",
            convention=f"{generator.resolution} x {generator.resolution} pixels",
            classes=generator.classes, resolution=generator.resolution,
            channels=generator.channels, recipe=str(generator.card.get("recipe", "")),
            card=(out / "generator" / "README.md").read_text(),
        )  # fmt: skip
    return made


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def _forget_places(out: Path) -> None:
    """Take out of a saved set where its real images lay on this machine."""
    mark = out / "dataset.json"
    facts = json.loads(mark.read_text())
    facts["real_root"] = "real"
    mark.write_text(json.dumps(facts, indent=1))


def _anonymize(order: Order) -> Made:
    import synthaug

    request = anonymization_pb2.CreateAnonymizeJobRequest.FromString(order.body)
    source = _media(order, request.media, "media")
    output = order.folder / f"anonymized{source.suffix}"
    found: Any = synthaug.anonymize(
        source, output, force=True, **_supported(_anonymize_options(order, request))
    )
    file = found.files[0]
    if file.error is not None:
        raise file.error
    # Nothing that may show a face leaves the job.
    if file.audit is not None:
        file.audit.require(strict=request.strict)
    done = file.rendered
    if done.damaged:
        order.warn("The file breaks off; what could be read was written.")
    result = anonymization_pb2.AnonymizeResult(
        frames=done.frames, tracks=len(done.rungs), removed_metadata=done.left_out,
        damaged=done.damaged,
    )  # fmt: skip
    used: dict[str, int] = {}
    for number, rungs in sorted(done.rungs.items()):
        track = result.each_track.add(track=number)
        for name, frames in rungs.items():
            used[name] = used.get(name, 0) + frames
            track.replaced.add(rung=_RUNG_NUMBERS.get(name, 0), frames=frames)
    for name, faces in sorted(used.items()):
        result.replaced.add(rung=_RUNG_NUMBERS.get(name, 0), faces=faces)
    for warning in done.warnings:
        order.warn(warning)
    made = Made(result)
    made.files["media"] = (Path(done.output), artifact_pb2.ARTIFACT_KIND_MEDIA)
    plan = order.folder / _PLAN
    if plan.exists():
        made.files["plan"] = (plan, artifact_pb2.ARTIFACT_KIND_PLAN)
    if file.audit is not None:
        verdicts = verdict_messages(file.audit.verdicts)
        result.verdicts.extend(verdicts)
        result.doubtful_frames.extend(
            sorted({doubt.frame for doubt in file.audit.doubts})[:_DOUBTS]
        )
        made.report = quality_pb2.Report(kind="JOB_KIND_ANONYMIZE", verdicts=verdicts)
        told = order.folder / "audit.json"
        told.write_text(file.audit.to_json())
        made.files["audit"] = (told, artifact_pb2.ARTIFACT_KIND_REPORT)
    return made


def _anonymize_options(
    order: Order, request: anonymization_pb2.CreateAnonymizeJobRequest
) -> dict[str, Any]:
    """What the request says beyond the defaults."""
    from synthaug.jobs.anonymizing.inputs import is_still

    asked: dict[str, Any] = {
        "keep": [_media(order, name, f"keep{n}") for n, name in enumerate(request.keep)],
        "only": [_media(order, name, f"only{n}") for n, name in enumerate(request.only)],
        "zones": _zones(order, request),
        "between": [
            (s.start.ToTimedelta().total_seconds(),
             s.end.ToTimedelta().total_seconds() if s.HasField("end") else math.inf)
            for s in request.between
        ],
        "smallest": request.smallest, "consistent": request.consistent, "mute": request.mute,
        "rung": _RUNGS.get(request.rung), "strict": request.strict,
        "plan": order.artifact(request.plan) if request.plan else None,
        "plan_only": request.plan_only,
    }  # fmt: skip
    told = {name: value for name, value in asked.items() if value}
    if is_still(_media(order, request.media, "media")):
        # These mean something in videos only: none is passed over.
        planning = sorted(_OF_VIDEOS & told.keys())
        if planning:
            raise InputError(
                planning[0], expected="nothing with a picture", got="a value",
                remedy="Leave it out.", code="input.option",
            )  # fmt: skip
    else:
        # The salt stands beside the plan; it goes with the job's folder, and before.
        told |= {"plan_file": order.folder / _PLAN, "forget": True}
    if request.HasField("seed"):
        told["seed"] = request.seed
    if request.skip_audit:
        told["audit"] = False
    return {**told, "callbacks": (order.listener,)}


def _zones(order: Order, request: anonymization_pb2.CreateAnonymizeJobRequest) -> list[Any]:
    """Zones in pixels of the picture as players show it."""
    if not request.zones:
        return []
    from synthaug.faces.zones import Zone
    from synthaug.jobs.anonymizing.inputs import is_still
    from synthaug.media import probe
    from synthaug.media.reading import probe_still

    file = _media(order, request.media, "media")
    if is_still(file):
        still = probe_still(file)
        width, height = still.width, still.height
    else:
        clip = probe(file)
        width, height = clip.width, clip.height
        if round(clip.rotation / 90) % 2:
            width, height = height, width
    return [
        Zone(z.left * width, z.top * height, z.width * width, z.height * height)
        for z in request.zones
    ]


def _parameters() -> Mapping[str, inspect.Parameter]:
    import synthaug

    return inspect.signature(synthaug.anonymize).parameters


def _supported(options: dict[str, Any]) -> dict[str, Any]:
    """The options, where this version of the package has all of them: none is passed over."""
    missing = sorted(set(options) - set(_parameters()))
    if missing:
        raise InputError(
            missing[0], expected="nothing", got="a value",
            remedy="This version of the server cannot do that; leave it out.", code="input.option",
        )  # fmt: skip
    return options


# First bytes of containers and pictures, for an ending that says what a file is.
_ENDINGS = (
    (0, b"\x1aE\xdf\xa3", ".mkv"), (4, b"ftyp", ".mp4"), (0, b"RIFF", ".avi"),
    (0, b"\x89PNG", ".png"), (0, b"\xff\xd8\xff", ".jpg"), (0, b"G@", ".ts"),
    (0, b"OggS", ".ogv"), (0, b"FLV", ".flv"), (0, b"GIF8", ".gif"), (0, b"\x47", ".ts"),
)  # fmt: skip


def _media(order: Order, name: str, label: str) -> Path:
    """An artifact under a name whose ending fits its first bytes."""
    artifact = order.artifact(name)
    with artifact.open("rb") as file:
        head = file.read(16)
    ending = next((e for at, mark, e in _ENDINGS if head[at : at + len(mark)] == mark), ".mp4")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        ending = ".webp"
    link = order.folder / f"{label}{ending}"
    if not link.is_symlink():
        link.symlink_to(artifact.absolute())
    return link


def _set(order: Order, told: dataset_pb2.Dataset, label: str) -> Any:
    return set_from(
        [order.artifact(name) for name in told.artifacts], told.layout,
        order.folder / "inputs" / label, order.limits,
    )  # fmt: skip


def _groups(order: Order, told: dataset_pb2.Groups) -> Any:
    """Groups as `synthaug.datasets.open` takes them: a callable from name to group."""
    source = told.WhichOneof("source")
    if source is None:
        return None
    if source == "pattern":
        shape = re.compile(told.pattern)

        def by_pattern(name: str) -> str:
            found = shape.search(name)
            # Names that do not match are groups of their own.
            return f"name {name}" if found is None else f"text {found[shape.groups > 0]}"

        return by_pattern
    rows = _table(order.artifact(told.table))

    def by_table(name: str) -> str:
        if name not in rows:
            raise InputError(
                "groups", expected="a row for every image", got="none", where=name,
                remedy="Write the image's name into the column file.", code="input.groups",
            )  # fmt: skip
        return rows[name]

    return by_table


def _table(file: Path) -> dict[str, str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return {row["file"]: row["group"] for row in csv.DictReader(lines)}
    except (KeyError, UnicodeDecodeError, csv.Error):
        raise InputError(
            "groups", expected="a CSV table with the columns file and group", got="another file",
            remedy="Write these two names into the first line.", code="input.groups",
        ) from None  # fmt: skip


def _targets(told: augmentation_pb2.TargetCounts) -> Any:
    rule = told.WhichOneof("rule")
    if rule == "each":
        return told.each
    if rule != "classes":
        return "balance"
    named: dict[str, Any] = {
        name: "max" if target.WhichOneof("target") == "max" else target.count
        for name, target in told.classes.targets.items()
    }
    if "other" not in named:
        return named
    return ",".join(f"{name}={value}" for name, value in named.items())


def _budget(told: augmentation_pb2.Budget) -> str | float:
    limit = told.WhichOneof("limit")
    if limit == "images":
        return f"{told.images} images"
    return told.time.ToTimedelta().total_seconds() if limit == "time" else "10min"


DUTIES: dict[str, Callable[[Order], Made]] = {
    "augment": _augment,
    "anonymize": _anonymize,
    "evaluate": _evaluate,
}
