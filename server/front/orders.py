"""What requests for jobs must hold, and which artifacts they name."""

from __future__ import annotations

import re

from synthaug.v1 import (
    anonymization_pb2,
    artifact_pb2,
    augmentation_pb2,
    dataset_pb2,
    media_pb2,
    quality_pb2,
)
from synthaug_server.front.checks import Checks
from synthaug_server.front.wire import seconds_of
from synthaug_server.settings import Settings

__all__ = [
    "Named",
    "check_anonymize",
    "check_augment",
    "check_evaluate",
    "check_image",
    "check_sample",
    "check_settings",
]

Named = list[tuple[str, str, int]]

_SIZES = (0, 16, 32, 64, 128)
_RECIPE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SHARDS, _PEOPLE, _ZONES, _CLASSES, _ATTRIBUTES = 1000, 16, 64, 10_000, 100
_LARGEST_COUNT = 1_000_000
_SAMPLED = (media_pb2.IMAGE_FORMAT_UNSPECIFIED, media_pb2.IMAGE_FORMAT_PNG,
            media_pb2.IMAGE_FORMAT_RGB8)  # fmt: skip


def check_augment(request: augmentation_pb2.CreateAugmentJobRequest, settings: Settings) -> Named:
    """Refuse a request that cannot be done; else the artifacts it names."""
    checks = Checks()
    checks.request_id(request.request_id)
    named = _dataset(checks, request.dataset, "dataset")
    named += _groups(checks, request.groups, "groups")
    _targets(checks, request.target_counts)
    checks.need(request.size in _SIZES, "size", "16, 32, 64, 128 or 0")
    limit = request.budget.WhichOneof("limit")
    if limit == "time":
        checks.finite(seconds_of(request.budget.time), 1, settings.job_seconds, "budget.time")
    elif limit == "images":
        checks.finite(request.budget.images, 1, 100_000_000, "budget.images")
    checks.need(
        not request.recipe or _RECIPE.fullmatch(request.recipe) is not None,
        "recipe", "a name that synthaug recipes lists",
    )  # fmt: skip
    checks.need(
        request.on_reject in augmentation_pb2.OnReject.values(), "on_reject", "one of its values"
    )
    checks.done()
    return named


def _dataset(checks: Checks, dataset: dataset_pb2.Dataset, field: str) -> Named:
    names = dataset.artifacts
    checks.need(1 <= len(names) <= _SHARDS, f"{field}.artifacts", f"1 to {_SHARDS} names")
    checks.need(
        dataset.layout in dataset_pb2.DatasetLayout.values(), f"{field}.layout", "one of its values"
    )
    if dataset.layout == dataset_pb2.DATASET_LAYOUT_CLASS_FOLDERS:
        checks.need(len(names) <= 1, f"{field}.artifacts", "one tar with this layout")
    found: Named = []
    for index, name in enumerate(names[:_SHARDS]):
        place = f"{field}.artifacts[{index}]"
        found.append(
            (place, checks.name(name, "artifacts", place), artifact_pb2.ARTIFACT_KIND_DATASET)
        )
    return found


def _groups(checks: Checks, groups: dataset_pb2.Groups, field: str) -> Named:
    source = groups.WhichOneof("source")
    if source == "pattern":
        place = f"{field}.pattern"
        if checks.need(1 <= len(groups.pattern) <= 200, place, "1 to 200 characters"):
            try:
                re.compile(groups.pattern)
            except (re.error, RecursionError, OverflowError):
                checks.need(False, place, "a regular expression")
    elif source == "table":
        place = f"{field}.table"
        kind = artifact_pb2.ARTIFACT_KIND_TABLE
        return [(place, checks.name(groups.table, "artifacts", place), kind)]
    return []


def _targets(checks: Checks, targets: augmentation_pb2.TargetCounts) -> None:
    rule = targets.WhichOneof("rule")
    if rule == "balance":
        checks.need(targets.balance, "target_counts.balance", "true")
    elif rule == "each":
        checks.finite(targets.each, 1, _LARGEST_COUNT, "target_counts.each")
    elif rule == "classes":
        classes = targets.classes.targets
        field = "target_counts.classes.targets"
        checks.need(1 <= len(classes) <= _CLASSES, field, f"1 to {_CLASSES} entries")
        # A name is the client's text: its number stands for it.
        for index, (name, target) in enumerate(sorted(classes.items())):
            place = f"{field}[{index}]"
            checks.text(name, place)
            kind = target.WhichOneof("target")
            checks.need(kind is not None, place, "count or max")
            if kind == "count":
                checks.finite(target.count, 1, _LARGEST_COUNT, f"{place}.count")
            elif kind == "max":
                checks.need(target.max, f"{place}.max", "true")


def check_evaluate(request: quality_pb2.EvaluateQualityRequest) -> Named:
    """Refuse a request that cannot be done; else the artifacts it names."""
    checks = Checks()
    checks.request_id(request.request_id)
    named = _dataset(checks, request.real, "real")
    named += _dataset(checks, request.synthetic, "synthetic")
    if request.HasField("train"):
        named += _dataset(checks, request.train, "train")
        named += _groups(checks, request.train_groups, "train_groups")
    else:
        checks.need(not request.HasField("train_groups"), "train_groups", "train beside it")
    named += _groups(checks, request.real_groups, "real_groups")
    checks.finite(request.alpha, 0, 0.5, "alpha")
    checks.done()
    return named


def check_anonymize(
    request: anonymization_pb2.CreateAnonymizeJobRequest, settings: Settings
) -> Named:
    """Refuse a request that cannot be done; else the artifacts it names."""
    checks = Checks()
    checks.request_id(request.request_id)
    media = artifact_pb2.ARTIFACT_KIND_MEDIA
    named: Named = [("media", checks.name(request.media, "artifacts", "media"), media)]
    if request.plan:
        plan = checks.name(request.plan, "artifacts", "plan")
        named.append(("plan", plan, artifact_pb2.ARTIFACT_KIND_PLAN))
        checks.need(not request.plan_only, "plan_only", "no plan beside it")
    checks.need(not (request.keep and request.only), "only", "keep or only, not both")
    for field, people in (("keep", request.keep), ("only", request.only)):
        checks.need(len(people) <= _PEOPLE, field, f"at most {_PEOPLE} photographs")
        for index, name in enumerate(people[:_PEOPLE]):
            place = f"{field}[{index}]"
            named.append((place, checks.name(name, "artifacts", place), media))
    _zones(checks, request.zones, "zones")
    checks.need(len(request.between) <= _ZONES, "between", f"at most {_ZONES} stretches")
    for index, span in enumerate(request.between[:_ZONES]):
        start, end = seconds_of(span.start), seconds_of(span.end)
        checks.need(start >= 0, f"between[{index}].start", "0 or more")
        checks.need(
            not span.HasField("end") or end > start, f"between[{index}].end", "later than start"
        )
    _face_settings(checks, request.smallest, request.rung, "")
    checks.done()
    return named


def _zones(checks: Checks, zones: object, field: str) -> None:
    listed = list(zones)  # type: ignore[call-overload]
    checks.need(len(listed) <= _ZONES, field, f"at most {_ZONES} zones")
    for index, zone in enumerate(listed[:_ZONES]):
        for side, low in (("left", 0.0), ("top", 0.0), ("width", 1e-6), ("height", 1e-6)):
            checks.finite(getattr(zone, side), low, 1, f"{field}[{index}].{side}")


def _face_settings(checks: Checks, smallest: int, rung: int, prefix: str) -> None:
    checks.finite(smallest, 0, 1024, f"{prefix}smallest")
    checks.need(
        rung in anonymization_pb2.ReplacementRung.values(), f"{prefix}rung", "one of its values"
    )


def check_settings(settings: anonymization_pb2.AnonymizeSettings, field: str) -> None:
    """Refuse settings that cannot be."""
    checks = Checks()
    _zones(checks, settings.zones, f"{field}.zones")
    _face_settings(checks, settings.smallest, settings.rung, f"{field}.")
    checks.need(
        settings.format in media_pb2.ImageFormat.values(), f"{field}.format", "one of its values"
    )
    checks.done()


def check_image(image: media_pb2.Image, field: str, settings: Settings) -> None:
    """Refuse a picture that is too large or cannot be what it says; nothing is decoded."""
    checks = Checks()
    checks.need(
        1 <= len(image.data) <= settings.image_bytes, f"{field}.data",
        f"1 to {settings.image_bytes} bytes",
    )  # fmt: skip
    raw = image.format == media_pb2.IMAGE_FORMAT_RGB8
    checks.need(
        image.format in media_pb2.ImageFormat.values(), f"{field}.format", "one of its values"
    )
    for side in ("width", "height"):
        checks.finite(getattr(image, side), 1 if raw else 0, 16384, f"{field}.{side}")
    checks.need(
        image.width * image.height <= settings.image_pixels, f"{field}.width",
        f"at most {settings.image_pixels} pixels in all",
    )  # fmt: skip
    if raw:
        checks.need(
            len(image.data) == 3 * image.width * image.height, f"{field}.data",
            "height * width * 3 bytes",
        )  # fmt: skip
    checks.done()


def check_sample(
    request: augmentation_pb2.SampleImagesRequest | augmentation_pb2.StreamSamplesRequest,
    most: int,
    field: str = "",
) -> str:
    """Refuse a request that cannot be done; else the identifier of its model."""
    checks = Checks()
    model = checks.name(request.model, "models", f"{field}model")
    checks.text(request.class_name, f"{field}class_name")
    checks.finite(request.count, 0 if most < _LARGEST_COUNT else 1, most, f"{field}count")
    checks.finite(request.first_index, 0, 2**62, f"{field}first_index")
    if request.HasField("truncation_psi"):
        checks.finite(request.truncation_psi, 0, 1, f"{field}truncation_psi")
    checks.need(
        len(request.attributes) <= _ATTRIBUTES, f"{field}attributes", f"at most {_ATTRIBUTES}"
    )
    for index, (name, value) in enumerate(sorted(request.attributes.items())[:_ATTRIBUTES]):
        checks.text(name, f"{field}attributes[{index}]")
        checks.finite(value, -1e12, 1e12, f"{field}attributes[{index}]")
    checks.need(request.format in _SAMPLED, f"{field}format", "PNG or RGB8")
    checks.done()
    return model
