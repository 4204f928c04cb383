"""Comparisons: what is asked is checked first, each recipe stands alone, nothing is done twice."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from synthaug.datasets.png import read_provenance
from synthaug.errors import InputError, Stopped
from synthaug.facts import RivalFacts
from synthaug.features import pixels
from synthaug.jobs import asking, compare, rivals
from synthaug.jobs.preparing import prepare
from synthaug.networks.dcgan import DCGANGenerator
from synthaug.textbook import Recipe
from synthaug.training import Generator, Progress


def photos(n: int = 48, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 16, 16), dtype=np.uint8)
    labels = np.arange(n) % classes
    images[labels == 1, :8] //= 4
    return images, labels


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Training replaced by an untrained network; recipes named broken crash. Names trained."""
    trained: list[str] = []

    def trained_at_once(job: rivals.Job, callbacks: Any = ()) -> dict[str, Any]:
        name = job.recipe if isinstance(job.recipe, str) else job.recipe.name
        trained.append(f"{name} {job.seed}")
        job.folder.mkdir(parents=True, exist_ok=True)
        if name == "broken":
            return {"failed": "RuntimeError: no such convolution"}
        torch.manual_seed(job.seed)
        network = DCGANGenerator(len(job.packed.classes), job.packed.channels, 16)
        Generator(network.eval(), job.packed.classes).save(job.folder / "generator")
        return {
            "images_seen": 64_000, "steps": 2000, "seconds": 9.0, "images_per_second": 7.0,
            "peak_memory": 4 * 10**8, "base_memory": 3 * 10**8, "floor": 1.0,
            "curve": [{"images_seen": 9, "seconds": 4.0, "frechet": 3.0, "score": 1.0, "kid": 0.5}],
        }  # fmt: skip

    monkeypatch.setattr(compare, "train_apart", trained_at_once)
    monkeypatch.setattr(compare, "embedded", lambda device: pixels())
    return trained


def run(out: Path, recipes: Any = ("rare", "dcgan"), **options: Any) -> compare.Comparison:
    return compare.compare(photos(), recipes, out=out, size=16, device="cpu", **options)


def test_every_recipe_leaves_its_generator_its_curve_and_its_facts(
    stage: list[str], tmp_path: Path
) -> None:
    found = run(tmp_path / "out", seeds=[0, 1])
    assert stage == ["rare 0", "dcgan 0", "rare 1", "dcgan 1"]
    for run_ in found.facts.rivals:
        folder = tmp_path / "out" / run_.folder
        assert {each.name for each in folder.iterdir()} == {
            "generator", "curve.json", "facts.json", "grid.png", "nearest.private.png",
        }  # fmt: skip
        assert json.loads((folder / "curve.json").read_text())[0]["kid"] == 0.5
        assert run_.numbers["kid"] is not None
        assert {v["gate"] for v in run_.verdicts} == {"copy", "fidelity", "diversity", "label"}
    told = found.to_dict()
    assert [r["recipe"] for r in told["rivals"]][:2] in (["rare"] * 2, ["dcgan"] * 2)
    kids = [np.mean([r.numbers["kid"] for r in runs]) for runs in found.facts.ranked()]
    assert kids == sorted(kids)
    assert "images/s" in str(found)


def test_grids_of_two_recipes_show_the_same_seeds_and_classes(
    stage: list[str], tmp_path: Path
) -> None:
    """The stub's networks of one seed are equal, so their grids are; another seed's differ."""
    run(tmp_path / "out", seeds=[0, 1])
    files = {
        name: tmp_path / "out" / name / "grid.png"
        for name in ("rare-seed0", "dcgan-seed0", "rare-seed1")
    }
    grids = {}
    for name, file in files.items():
        with Image.open(file) as picture:
            assert picture.size == (8 * 17 - 1, 2 * 17 - 1)
            grids[name] = picture.tobytes()
    assert grids["rare-seed0"] == grids["dcgan-seed0"] != grids["rare-seed1"]
    told = read_provenance(files["rare-seed0"])
    assert told is not None
    assert (told.kind, told.tool) == ("gan", "compare: grid")


def test_an_untrained_generator_is_called_collapsed(stage: list[str], tmp_path: Path) -> None:
    found = run(tmp_path / "out", ["dcgan"])
    assert found.facts.rivals[0].collapsed is True
    assert "found" in str(found)


def test_what_is_done_is_not_done_again_and_more_can_be_added(
    stage: list[str], tmp_path: Path
) -> None:
    first = run(tmp_path / "out", ["rare"])
    again = run(tmp_path / "out", ["rare", "dcgan"])
    assert stage == ["rare 0", "dcgan 0"]
    assert again.facts.rivals[0] == first.facts.rivals[0]
    run(tmp_path / "out", ["rare"], resume=False)
    assert stage[2:] == ["rare 0"]
    assert not (tmp_path / "out" / "dcgan-seed0").exists()


def test_a_folder_of_another_budget_is_not_mixed_with_this_one(
    stage: list[str], tmp_path: Path
) -> None:
    run(tmp_path / "out", ["rare"])
    with pytest.raises(InputError, match=r"the same budget, got budget 5 min .*--no-resume"):
        run(tmp_path / "out", ["dcgan", "rare"], budget="6min")
    with pytest.raises(InputError, match="the same recipe"):
        run(tmp_path / "out", [Recipe(name="rare")])
    assert stage == ["rare 0"]


def test_a_crash_is_a_row_with_the_reason_and_is_tried_again(
    stage: list[str], tmp_path: Path
) -> None:
    recipes = [Recipe(name="broken"), "dcgan"]
    found = run(tmp_path / "out", recipes)
    assert [r.failed for r in found.facts.rivals] == ["RuntimeError: no such convolution", ""]
    assert [runs[0].recipe for runs in found.facts.ranked()] == ["dcgan", "broken"]
    assert "Note: broken-seed0: RuntimeError: no such convolution" in str(found)
    run(tmp_path / "out", recipes)
    assert stage == ["broken 0", "dcgan 0", "broken 0"]


def test_one_that_cannot_be_measured_does_not_end_the_others(
    stage: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = compare.Bench.measure

    def measure(self: Any, folder: Path, rival: RivalFacts) -> None:
        if rival.recipe == "rare":
            raise ValueError("SVD did not converge")
        measured(self, folder, rival)

    monkeypatch.setattr(compare.Bench, "measure", measure)
    found = run(tmp_path / "out")
    assert found.facts.rivals[0].remarks == [
        "could not be measured: ValueError: SVD did not converge"
    ]
    assert found.facts.rivals[1].numbers


def test_a_recipe_that_is_not_told_the_class_is_judged_as_a_whole(
    stage: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = compare.train_apart
    monkeypatch.setattr(compare, "train_apart", lambda *a: {**trained(*a), "conditional": False})
    found = run(tmp_path / "out", [Recipe(conditioning="none", name="blind")])
    told = {(v["gate"], v["scope"]) for v in found.facts.rivals[0].verdicts}
    assert told == {("copy", "set"), ("fidelity", "set"), ("diversity", "set")}


def test_a_folder_somebody_else_uses_is_left_alone(stage: list[str], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="something else that is in use"):
        run(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"recipes": "rare,dcgann"}, "Did you mean dcgan"),
        ({"recipes": ""}, "at least one name, got none"),
        ({"recipes": []}, "at least one name, got none"),
        ({"recipes": [Recipe(), Recipe("relativistic")]}, "custom twice"),
        ({"budget": "3s"}, "at least 10 s or 1,000 images, got 3 s"),
        ({"budget": "800 images"}, "at least 10 s or 1,000 images, got 800 images"),
        ({"budget": {"rare": "1min"}}, "none for dcgan"),
        ({"seeds": []}, "seeds: expected at least one"),
        ({"seeds": [-1]}, "seeds: expected at least one"),
        ({"device": "tpu"}, "auto, cpu or cuda"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_written(
    stage: list[str], tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    wanted = {"recipes": ["rare", "dcgan"], "device": "cpu", **options}
    with pytest.raises(InputError) as caught:
        compare.compare(photos(), wanted.pop("recipes"), out=tmp_path / "out", **wanted)
    assert told in str(caught.value)
    assert stage == []
    assert not (tmp_path / "out").exists()


def test_a_recipe_that_needs_pairs_is_refused_with_what_trains_it() -> None:
    with pytest.raises(InputError, match=r"learns from paired pictures.*synthaug translate train"):
        asking.asked_for("pix2pix")


def test_all_means_every_recipe_that_learns_from_classes() -> None:
    everything = set(asking.asked_for("all"))
    assert {"rare", "dcgan"} <= everything
    assert not {"attributes", "semi-supervised", "pix2pix"} & everything
    assert list(asking.asked_for(" dcgan , rare,dcgan")) == ["dcgan", "rare"]


def test_one_class_is_enough_for_a_recipe_that_is_not_told_the_class(
    stage: list[str], tmp_path: Path
) -> None:
    blind = Recipe(conditioning="none", name="blind")
    found = compare.compare(photos(80, classes=1), [blind], out=tmp_path / "a", size=16)
    assert found.facts.rivals[0].numbers["kid"] is not None
    with pytest.raises(InputError, match=r"recipe dcgan\)\. Use a recipe that is not told classes"):
        compare.compare(photos(80, classes=1), [blind, "dcgan"], out=tmp_path / "b", size=16)
    assert not (tmp_path / "b").exists()


def test_a_generator_that_knows_no_classes_is_asked_for_its_only_one(
    stage: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = compare.train_apart

    def of_any_class(job: rivals.Job, callbacks: Any = ()) -> dict[str, Any]:
        facts = trained(job, callbacks)
        network = DCGANGenerator(0, 1, 16)
        Generator(network.eval(), ("any",)).save(job.folder / "generator")
        return {**facts, "conditional": False}

    monkeypatch.setattr(compare, "train_apart", of_any_class)
    found = run(tmp_path / "out", [Recipe(conditioning="none", name="blind")])
    assert found.facts.rivals[0].remarks == []
    assert found.facts.rivals[0].numbers["kid"] is not None


def test_a_process_of_its_own_has_a_peak_of_its_own(tmp_path: Path) -> None:
    """What the parent held does not count, although ``ru_maxrss`` of a child inherits it."""
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import subprocess, sys
            block = bytearray(b"1" * 700_000_000)
            code = "from synthaug.jobs.memory import peak_memory; print(peak_memory())"
            child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            from synthaug.jobs.memory import peak_memory
            print(child.stdout.strip(), peak_memory())
            """
        )
    )
    told = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    child, parent = map(int, told.stdout.split())
    assert child < 300_000_000
    assert parent > 700_000_000


def test_the_meter_times_training_and_leaves_looks_out(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 2.0, 9.0, 10.0])
    monkeypatch.setattr(rivals.time, "perf_counter", lambda: next(moments))
    meter = rivals._Meter(io.StringIO())
    for seen, frechet in ((100, None), (300, None), (350, 8.0), (450, 8.0)):
        meter.on_progress(Progress(phase="train", images_seen=seen, frechet=frechet))
    # 200 images in 2 s, then a look of 7 s, then 100 in 1 s.
    assert (meter.images, meter.wall) == (300, 3.0)


@pytest.mark.parametrize(
    ("code", "log", "told"),
    [
        (-9, "", "ended by SIGKILL: the machine may have run out of memory"),
        (-11, "", "ended by SIGSEGV"),
        (3, "a\nImportError: no torch\n\n", "ended with code 3: ImportError: no torch"),
    ],
)
def test_a_process_that_said_nothing_is_told_by_how_it_ended(
    code: int, log: str, told: str
) -> None:
    assert told in rivals._last_words(code, log)


def job_of(folder: Path, recipe: str | Recipe, images: int = 1000) -> rivals.Job:
    from synthaug.datasets import pack
    from synthaug.training import Budget

    prepared = prepare(photos(), "balance", size=16)
    packed = pack(prepared.images, 16)
    budget = Budget(images=images)
    return rivals.Job(packed, prepared.train, prepared.heldout, recipe, budget, folder, 0, "cpu", 1)


def test_a_recipe_of_unnamed_functions_cannot_be_sent_to_another_process(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="functions that stand in a module"):
        rivals.train_apart(job_of(tmp_path, Recipe(schedule=lambda done: 1.0)))


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    found = rivals.train_apart(job_of(tmp_path / "x", "no-such-recipe"))
    assert "got 'no-such-recipe'" in found["failed"]
    assert not (tmp_path / "x" / "generator").exists()


@pytest.mark.slow
def test_recipes_race_in_processes_of_their_own(tmp_path: Path) -> None:
    found = compare.compare(
        photos(200), ["rare", "dcgan"], out=tmp_path, size=16, budget="1500 images", device="cpu"
    )
    for rival in found.facts.rivals:
        assert rival.failed == ""
        assert rival.images_seen >= 1480
        assert rival.images_per_second > 1
        assert rival.images_per_cpu_second > 1
        assert rival.peak_memory > rival.base_memory > 10**8
        assert len(rival.curve) >= 2
        assert all(point.kid is not None for point in rival.curve)
        assert "too few to judge" in rival.remarks[0]


@pytest.mark.slow
def test_an_interrupted_child_keeps_its_checkpoint_and_goes_on_to_the_same_end(
    tmp_path: Path,
) -> None:
    whole = rivals.train_apart(job_of(tmp_path / "whole", "dcgan", 3000))

    class Interrupt:
        def on_progress(self, event: Progress) -> None:
            if event.phase == "train" and event.images_seen > 300:
                raise KeyboardInterrupt

    with pytest.raises(Stopped):
        rivals.train_apart(job_of(tmp_path / "cut", "dcgan", 3000), [Interrupt()])
    assert (tmp_path / "cut" / ".work" / "checkpoint.pt").exists()
    found = rivals.train_apart(job_of(tmp_path / "cut", "dcgan", 3000))
    assert found["images_seen"] == whole["images_seen"]
    weights = [
        (tmp_path / name / "generator" / "generator.safetensors").read_bytes()
        for name in ("whole", "cut")
    ]
    # How many looks fit is a matter of the clock; where both runs had as many, all is equal.
    if len(found["curve"]) == len(whole["curve"]):
        assert weights[0] == weights[1]
