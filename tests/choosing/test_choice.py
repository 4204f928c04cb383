import numpy as np
import pytest
import torch

from synthaug.choosing import Choice, Effort, choose
from synthaug.choosing.arms import ORDINARY, gan_arms
from synthaug.choosing.choice import _best, _rival, _simplest, _Wide
from synthaug.choosing.effort import _divided
from synthaug.choosing.evidence import Evidence, Findings
from synthaug.features import pixels

SMALL = Effort(images=500, variants=60, features=0, draws=256, folds=2, rounds=2)


def bars(label: int, n: int, seed: int) -> torch.Tensor:
    """Images of a bar: upright in class 0, lying in class 1; place and brightness vary."""
    random = np.random.default_rng([seed, label])
    images = random.integers(0, 60, (n, 1, 16, 16))
    for image in images:
        at, light = random.integers(2, 12), random.integers(60, 250)
        (image[0].T if label == 0 else image[0])[at : at + 2, 2:-2] = light
    return torch.from_numpy(images).byte()


class Bars:
    """120 upright bars and a few lying ones, each its own group."""

    classes = ("upright", "lying")

    def __init__(self, few: int = 24, groups: np.ndarray | None = None) -> None:
        self.labels = np.repeat([0, 1], [120, few]).astype(np.int64)
        self.groups = np.arange(120 + few) if groups is None else groups
        self._images = torch.cat([bars(0, 120, 0), bars(1, few, 0)])

    def read(self, indices: np.ndarray) -> torch.Tensor:
        return self._images[torch.from_numpy(np.asarray(indices))]


def chosen(synthetic: dict[int, torch.Tensor], *, effort: Effort = SMALL, few: int = 24) -> Choice:
    pictures = Bars(few)
    heldout = np.arange(0, len(pictures.labels), 2)
    return choose(
        pictures, heldout, synthetic, fill=(1,), effort=effort, extractor=pixels(), seed=0
    )


def test_without_generated_images_an_ordinary_arm_is_chosen_and_all_are_told() -> None:
    choice = chosen({})
    assert [fact.name for fact in choice.arms] == [arm.name for arm in ORDINARY]
    assert [fact.name for fact in choice.arms if fact.chosen] == [choice.arm.name]
    assert choice.comparison is None
    assert choice.mixture["lying"]["gan"] == 0
    best = max(choice.arms, key=lambda fact: fact.score)
    assert best.difference == 0
    assert all(fact.difference <= 0 for fact in choice.arms)


def test_harmful_generated_images_are_not_handed_over() -> None:
    choice = chosen({1: bars(0, 96, 7)})  # upright bars under the name of lying ones
    assert not choice.arm.needs_gan
    assert choice.comparison is not None
    assert choice.comparison.lower <= 0
    assert choice.comparison.differences.shape == (SMALL.rounds, 2)
    assert "none is drawn" in choice.why


def test_same_effort_and_seed_give_the_same_choice() -> None:
    wide = Effort(**{**SMALL.to_dict(), "features": 400, "rounds": 1})
    first, second = (chosen({1: bars(1, 20, 3)}, effort=wide) for _ in range(2))
    assert first.arms == second.arms
    assert first.why == second.why
    assert {fact.stage for fact in first.arms} == {"wide", "cnn", "final"}
    assert Effort(**first.effort.to_dict()) == wide


def test_one_group_is_no_evidence() -> None:
    choice = choose(
        Bars(groups=np.zeros(144, np.int64)), np.zeros(0, np.int64), {}, fill=(1,),
        effort=SMALL, extractor=pixels(),
    )  # fmt: skip
    assert (choice.arm.name, choice.helps, choice.arms) == ("oversampling", "unknown", [])


def evidence(hits: dict[str, float], n: int = 400) -> Evidence:
    """Evidence in which each arm is right on the first share of the images."""
    correct = {name: (np.arange(n) < share * n)[None] for name, share in hits.items()}
    return Evidence(np.zeros(n, np.int64), np.arange(n), np.zeros(n, np.int64), correct)


@pytest.mark.parametrize(
    ("plain", "expected"), [(0.85, "oversampling"), (0.8925, "oversampling"), (0.8975, "plain")]
)
def test_simplicity_is_worth_half_a_point_at_most(plain: float, expected: str) -> None:
    found = evidence({"plain": plain, "oversampling": 0.9})
    assert _simplest(found, (ORDINARY[0], ORDINARY[2]), ORDINARY[2]).name == expected


@pytest.mark.parametrize("arms", [4, 6])
def test_more_time_never_means_less_evidence(arms: int) -> None:
    def draws_of_an_arm(affordable: float) -> int:
        effort = _divided(affordable, 12_000, arms, variants=0, features=0)
        return effort.draws * effort.folds * effort.rounds

    shares = (1e3, 3e4, 1e5, 3e5, 1e6, 1e7)
    costs = [draws_of_an_arm(draws) for draws in shares]
    assert costs == sorted(costs)
    assert all(arms * cost <= draws for draws, cost in list(zip(shares, costs, strict=True))[1:])


def test_an_arm_that_suits_both_learners_beats_one_that_suits_one() -> None:
    cnn = evidence({"plain": 0.5, "class weights": 0.9, "oversampling": 0.85})
    linear = evidence({"plain": 0.5, "class weights": 0.6, "oversampling": 0.8})
    both = Findings((cnn, linear))
    assert _best(cnn, ORDINARY[:3]).name == "class weights"
    assert _best(both, ORDINARY[:3]).name == "oversampling"
    assert both.score("oversampling").value == pytest.approx(0.825)
    assert both.difference("oversampling", "class weights").value == pytest.approx(0.075)


@pytest.mark.parametrize("classical", [False, True])
def test_generated_images_are_tried_with_the_changes_of_the_best_remedy(classical: bool) -> None:
    best = ORDINARY[3] if classical else ORDINARY[1]
    default = _rival(None, best)
    assert (default.gan_share, default.classical) == (0.3, classical)
    heights = {arm.name: 0.5 + 0.1 * arm.gan_share for arm in gan_arms()}
    searched = _rival(_Wide(evidence({}), evidence(heights)), best)
    assert (searched.gan_share, searched.classical) == (1.0, classical)


def test_scores_of_one_table_stand_on_one_axis() -> None:
    wide = Effort(**{**SMALL.to_dict(), "features": 400})
    choice = chosen({1: bars(1, 20, 3)}, effort=wide)
    for stage in ("final", "wide"):
        facts = [fact for fact in choice.arms if fact.stage == stage]
        assert any(fact.gan_share for fact in facts)
        best = max(fact.score for fact in facts if not fact.gan_share and fact.difference == 0)
        for fact in facts:
            assert fact.score == pytest.approx(min(1.0, best + fact.difference))


def test_a_class_in_one_group_leaves_a_fold_without_it() -> None:
    groups = np.repeat([0, 1, 2], [60, 60, 24])  # all lying bars are of one group
    effort = Effort(**{**SMALL.to_dict(), "features": 400})
    choice = choose(
        Bars(groups=groups), np.zeros(0, np.int64), {}, fill=(1,), effort=effort,
        extractor=pixels(),
    )  # fmt: skip
    assert {fact.stage for fact in choice.arms} == {"wide", "cnn", "final"}
    assert all(fact.rare_recall == 0 for fact in choice.arms)
