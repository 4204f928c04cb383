"""The main job, end to end on real digits: what a caller may rely on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import synthaug
from synthaug.datasets import read_provenance
from synthaug.errors import GateFailed, InputError, Stopped
from synthaug.jobs.augment import augment, plan

BUDGET = "640 images"


def digits(keep: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Real 8 px digits, ``keep[d]`` of each digit d named."""
    data = load_digits()
    chosen = [i for d, n in keep.items() for i in np.flatnonzero(data.target == d)[:n]]
    images = np.rint(data.images[chosen] * (255 / 16)).astype(np.uint8)
    return images, data.target[chosen]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("augment") / "out"
    source = digits({0: 70, 1: 30, 2: 8})
    balanced = synthaug.augment(source, "balance", budget=BUDGET, size=16, out=out, seed=1)
    return source, balanced, out


def test_counts_hold_and_real_items_come_first_untouched(made):
    (images, labels), balanced, _ = made
    assert np.bincount(balanced.targets).tolist() == [70, 70, 70]
    for index in (0, 50, 107):
        image, label = balanced[index]
        assert np.array_equal(image, images[index])
        assert label == labels[index]
    assert not balanced.is_synthetic[:108].any()
    assert balanced.is_synthetic[108:].all()


def test_a_class_too_small_to_judge_gets_classical_images_and_the_reason(made):
    _, balanced, _ = made
    kinds = set(balanced.kind[(balanced.targets == 2) & balanced.is_synthetic])
    assert kinds == {"classical"}
    facts = balanced.report.classes[2]
    assert "too few to judge a generator by (8 images)" in facts.why
    assert any("class 2: 8 images in" in warning for warning in balanced.report.warnings)


def test_every_synthetic_image_says_where_it_comes_from(made):
    _, balanced, out = made
    lines = (out / "provenance.jsonl").read_text().splitlines()
    assert len(lines) == int(balanced.is_synthetic.sum())
    record = json.loads(lines[0])
    inside = read_provenance(out / record["file"])
    assert inside.latent_seed == record["latent_seed"]
    assert b"digitalsourcetype" in (out / record["file"]).read_bytes()


def test_the_folder_has_what_the_readme_says_and_loads_again(made):
    _, balanced, out = made
    for name in ("report.html", "report.private.html", "verdicts.json", "real.csv"):
        assert (out / name).stat().st_size > 0
    assert (out / "generator" / "generator.safetensors").exists()
    again = synthaug.load(out)
    assert np.array_equal(again.targets, balanced.targets)
    assert again.report.chosen == balanced.report.chosen
    assert not list(out.parent.glob(".*")), "work left behind"


def test_the_report_says_what_was_tried(made):
    _, balanced, _ = made
    names = {arm.name for arm in balanced.report.arms}
    assert {"plain", "class weights", "oversampling"} <= names
    assert sum(arm.chosen for arm in balanced.report.arms) == 1
    assert balanced.report.curve
    assert balanced.report.images_seen == 640
    assert {v.gate for v in balanced.verdicts} >= {"copy", "fidelity", "diversity", "label"}


class Interrupt:
    """Stops the run as Ctrl-C would, once training is under way."""

    def __init__(self, phase: str) -> None:
        self.phase = phase

    def on_progress(self, event) -> None:
        if event.phase == self.phase:
            raise Stopped("stopped by the test")


def digest(folder: Path) -> dict[str, str]:
    """Hashes of what must not depend on when a run was interrupted."""
    names = [*folder.glob("synthetic/*/*.png"), folder / "generator/generator.safetensors"]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


@pytest.mark.slow
def test_an_interrupted_call_ends_with_the_bytes_of_an_uninterrupted_one(made, tmp_path):
    source, _, whole = made
    options = {"budget": BUDGET, "size": 16, "seed": 1}
    with pytest.raises(Stopped):
        augment(source, "balance", out=tmp_path / "a", callbacks=[Interrupt("choose")], **options)
    assert not (tmp_path / "a").exists()
    augment(source, "balance", out=tmp_path / "a", **options)
    assert digest(tmp_path / "a") == digest(whole)


@pytest.mark.slow
def test_strict_refuses_to_deliver_what_a_gate_failed(tmp_path):
    source = digits({0: 70, 1: 30})
    # 64 images teach a generator nothing: fidelity cannot pass.
    with pytest.raises(GateFailed, match="gate"):
        augment(source, "balance", budget="64 images", size=16, out=tmp_path / "a", strict=True)
    assert not (tmp_path / "a").exists()


def test_a_taken_output_is_refused_before_any_work(made, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="output"):
        augment(made[0], "balance", out=tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_the_plan_says_per_class_what_it_will_get_and_why(made):
    planned = plan(made[0], "0=70,1=100,2=9", budget="10min")
    by_name = {c.name: c for c in planned.classes}
    assert by_name["0"].method == "none"
    assert by_name["1"].method == "gan"
    assert by_name["1"].detectable is not None
    assert by_name["2"].why == "1 classical: too few to judge a generator by (8 images)"
    assert sum(planned.expected_seconds.values()) == pytest.approx(600)
    assert "GAN images as far as they pass and help" in str(planned)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_reject": "pray"}, "expected one of redraw, classical, keep, got 'pray'"),
        ({"budget": "soon"}, "budget"),
        ({"recipe": "raer"}, "Did you mean rare?"),
        ({"size": 48}, "expected auto or one of 16, 32, 64, 128, got 48"),
        ({"device": "tpu"}, "expected auto, cpu or cuda, got 'tpu'"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused_in_a_sentence(made, options, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        augment(made[0], "balance", **options)
