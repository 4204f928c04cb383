"""What a run did and whether it helps, in sentences and as a table of plain text."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from synthaug.facts import ArmFacts, AugmentFacts
from synthaug.verdict import Status

if TYPE_CHECKING:
    from synthaug.datasets.augmented import AugmentedDataset

__all__ = ["added", "answer", "chosen_arm", "headline", "summary", "untouched_arm"]

UNTOUCHED = "plain"  # the name of the arm that changes nothing
_BAR = 28  # characters of the longest bar
_INK = {"real": "█", "gan": "▓", "classical": "░"}


def chosen_arm(facts: AugmentFacts) -> ArmFacts | None:
    """The arm handed over, as measured where it was decided; None if none was."""
    final = (arm for arm in facts.arms if arm.stage == "final")
    return next((arm for arm in final if arm.name == facts.chosen), None)


def untouched_arm(facts: AugmentFacts) -> ArmFacts | None:
    """The untouched set, measured in the same stage as the chosen arm; None if it was not."""
    chosen = chosen_arm(facts)
    same = [a for a in facts.arms if chosen is not None and a.stage == chosen.stage]
    return next((arm for arm in same if arm.name == UNTOUCHED), None)


def answer(facts: AugmentFacts) -> str:
    """Whether the chosen arm helps, in two to three words."""
    answers = {"yes": "It helps", "no difference": "No measurable difference"}
    return answers.get(facts.helps, "Undecided")


def headline(facts: AugmentFacts) -> str:
    """What was chosen and how it does beside the untouched set, in one sentence.

    Example:
        >>> headline(AugmentFacts(version="1", source="tiles", chosen="oversampling"))
        'The choice is oversampling; the images at hand cannot say whether it helps.'
    """
    name = facts.chosen or "nothing"
    chosen, untouched = chosen_arm(facts), untouched_arm(facts)
    if chosen is None or untouched is None or facts.helps == "unknown":
        return f"The choice is {name}; the images at hand cannot say whether it helps."
    if chosen.name == untouched.name:
        return (
            "No remedy beats the untouched set, which reaches "
            f"{percent(untouched.score)} balanced accuracy on real images kept apart."
        )
    if facts.helps == "yes" and chosen.score > untouched.score:
        return (
            f"With {name}, balanced accuracy rises from {percent(untouched.score)} "
            f"to {percent(chosen.score)} on real images kept apart."
        )
    return (
        f"With {name}, balanced accuracy is {percent(chosen.score)} on real images kept apart, "
        f"with the untouched set {percent(untouched.score)}."
    )


def added(facts: AugmentFacts) -> str:
    """How many images were added and of which kind, in one sentence.

    Example:
        >>> from synthaug.facts import ClassFacts
        >>> added(AugmentFacts(version="1", source="tiles", classes=[
        ...     ClassFacts(name="fray", real=32, groups=8, target=100, classical=68)]))
        '68 classically augmented images were added to 32 real ones; none is GAN-made.'
    """
    real = sum(c.real for c in facts.classes)
    gan = sum(c.gan for c in facts.classes)
    classical = sum(c.classical for c in facts.classes)
    if not gan + classical:
        return f"No image was added to the {real:,} real ones."
    if not gan:
        return (
            f"{classical:,} classically augmented images were added to {real:,} real ones; "
            "none is GAN-made."
        )
    rest = f" and {classical:,} classically augmented ones" if classical else ""
    return f"{gan:,} GAN images{rest} were added to {real:,} real ones."


def summary(dataset: AugmentedDataset) -> str:
    """The plain text behind `AugmentedDataset.summary`."""
    facts = dataset.report
    real, total = len(dataset.real), len(dataset)
    parts = [
        f"{printable(dataset.real.name)}: {real:,} real + {total - real:,} synthetic "
        f"= {total:,} images in {len(dataset.classes)} classes",
        _wrapped(f"{answer(facts)}. {headline(facts)} {facts.why}"),
        _table(dataset),
        _gates(dataset),
        "\n".join(_wrapped(f"! {warning}", "  ") for warning in facts.warnings),
    ]
    return "\n\n".join(part for part in parts if part)


def percent(value: float) -> str:
    """A share of one as a percentage with one decimal."""
    return f"{100 * value:.1f} %"


def printable(text: str) -> str:
    """Text with what could steer a terminal replaced."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(printable(text.rstrip()), 88, subsequent_indent=indent)


def _table(dataset: AugmentedDataset) -> str:
    mixture = dataset.mixture
    names = [printable(name) for name in mixture]
    width = max(5, *(len(name) for name in names))
    longest = max(sum(counts.values()) for counts in mixture.values())
    header = f"{'class':<{width}}  {'before':>7} {'gan':>7} {'classical':>9} {'after':>7}"
    lines = [f"{header}  real {_INK['real']} gan {_INK['gan']} classical {_INK['classical']}"]
    for name, counts in zip(names, mixture.values(), strict=True):
        after = sum(counts.values())
        lines.append(
            f"{name:<{width}}  {counts['real']:>7,} {counts['gan']:>7,} "
            f"{counts['classical']:>9,} {after:>7,}  {_bar(counts, longest)}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _bar(counts: dict[str, int], longest: int) -> str:
    """One character for each 1/28 of the largest class; a kind that is there shows."""
    bar, seen = "", 0
    for kind, ink in _INK.items():
        seen += counts[kind]
        end = round(_BAR * seen / longest)
        bar += ink * max(end - len(bar), 1 if counts[kind] else 0)
    return bar


def _gates(dataset: AugmentedDataset) -> str:
    told = [v for v in dataset.verdicts if not v.scope.startswith("image:")]
    if not told:
        return "gates: none was asked"
    count = Counter(v.status for v in told)
    lines = ["gates: " + ", ".join(f"{count[s]} {s}" for s in Status if count[s])]
    for verdict in told:
        if verdict.status is Status.FAIL:
            lines.append(_wrapped(f"  {verdict.gate}, {verdict.scope}: {verdict.why}", "    "))
    return "\n".join(lines)
