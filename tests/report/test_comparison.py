"""The pages of a comparison."""

from __future__ import annotations

import base64
import html
import io
import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from synthaug.facts import CompareFacts, CurvePoint, RivalFacts
from synthaug.report import write_comparison
from synthaug.report.comparison import render_comparison
from synthaug.report.scales import LogScale

SECTIONS = [
    "What came out", "The same seeds, side by side", "How they learnt", "What the gates say",
    "All numbers", "How it was made", "What the words mean",
]  # fmt: skip


def text(page):
    page = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def pictures(page):
    for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page):
        yield Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def verdict(gate, scope, status):
    return {"gate": gate, "scope": scope, "status": status, "why": f"{gate} of {scope}."}


def rival(name, kid, seed=0, diversity="PASS", **more):
    return RivalFacts(
        recipe=name, seed=seed, folder=f"{name}-seed{seed}", source="Somebody 2014",
        images_seen=9000, steps=900, seconds=240.0, images_per_second=37.5,
        peak_memory=900_000_000, base_memory=700_000_000, floor=90.0,
        curve=[CurvePoint(images_seen=k, seconds=60.0 * k, score=1.0, kid=kid * 4 / k,
                          frechet=kid * 2000 / k) for k in range(1, 5)],
        numbers={"kid": kid, "kid_error": 0.01, "kid_real": 0.001, "frechet": kid * 500,
                 "frechet_real": 56.0, "precision": 0.5, "recall": 0.25, "birthday_batch": None},
        verdicts=[verdict("copy", "set", "PASS"), verdict("diversity", "set", diversity),
                  verdict("diversity", "class:3", "FAIL")],
        nearest=[0.5, 0.75], **more,
    )  # fmt: skip


@pytest.fixture
def raced(tmp_path):
    """Facts and a folder: generated pictures are red, real ones blue."""

    def build(rivals, **more):
        facts = CompareFacts(
            version="0.1.0", source="tiles", budget="5 min", resolution=16, classes=["a", "b"],
            train=70, heldout=30, shown=(["a", "b"], 8), rivals=rivals,
            command="synthaug compare /home/ann/tiles --recipes x --out race", **more,
        )  # fmt: skip
        noise = np.random.default_rng(0)
        for run in rivals:
            folder = tmp_path / run.folder
            folder.mkdir(parents=True, exist_ok=True)
            grid = np.zeros((33, 135, 3), np.uint8)
            grid[..., 0] = noise.integers(1, 256, grid.shape[:2])
            Image.fromarray(grid).save(folder / "grid.png")
            Image.fromarray(grid[..., ::-1].copy()).save(folder / "nearest.private.png")
        Image.fromarray(grid[..., ::-1].copy()).save(tmp_path / "real.private.png")
        return facts, tmp_path

    return build


def test_the_page_tells_the_nearest_first_then_everything_else(raced):
    page = render_comparison(*raced([rival("far", 2.0), rival("near", 0.5)]), private=False)
    seen = text(page)
    assert "near comes nearest to the real images" in seen
    order = [seen.index(title) for title in SECTIONS]
    assert order == sorted(order)
    table = page[page.index('class="rivals"') :]
    assert table.index(">near<") < table.index(">far<")
    for words in ("900 MB", "200 MB by training", "37.5", "not found", "in 3", "some classes"):
        assert (words in seen) is (words != "not found")
    assert "synthaug compare …/tiles --recipes x --out race" in seen
    assert "None" not in seen
    assert "nan" not in seen


def test_a_recipe_that_collapsed_is_not_praised(raced):
    page = render_comparison(
        *raced([rival("one", 0.5, diversity="FAIL"), rival("two", 2.0)]), private=False
    )
    assert "one comes nearest to the real images, but has collapsed" in text(page)
    assert 'class="first"' not in page


def test_two_within_their_error_are_not_put_in_order_by_the_headline(raced):
    page = render_comparison(*raced([rival("x", 0.500), rival("y", 0.505)]), private=False)
    assert "x and y come equally near to the real images" in text(page)


def test_the_shared_page_holds_no_real_image_and_the_private_one_does(raced):
    facts, folder = raced([rival("x", 0.5), rival("y", 0.8)])
    shared, private = (render_comparison(facts, folder, private=p) for p in (False, True))
    blue = [np.asarray(p)[..., 2].any() for p in pictures(shared)]
    assert len(blue) == 2
    assert not any(blue)
    assert sum(np.asarray(p)[..., 2].any() for p in pictures(private)) == 3
    assert "/home/ann" not in shared
    assert "Private." in text(private)
    assert "distances 0.50, 0.75" in text(private)


def test_a_recipe_without_a_result_is_a_row_with_the_reason(raced):
    broken = RivalFacts(recipe="broken", folder="broken-seed0", failed="SIGKILL: memory ran out")
    seen = text(render_comparison(*raced([broken, rival("x", 0.5)]), private=False))
    assert "no result SIGKILL: memory ran out" in seen
    assert "1 without a result" in seen
    alone = render_comparison(*raced([broken]), private=True)
    assert "No recipe gave a generator that could be measured" in text(alone)
    assert "nan" not in text(alone).split()


def test_a_run_that_could_not_be_measured_has_dashes(raced):
    unmeasured = RivalFacts(recipe="odd", folder="odd-seed0", remarks=["could not be measured: x"])
    seen = text(render_comparison(*raced([unmeasured, rival("x", 0.5)]), private=False))
    assert "odd: could not be measured: x" in seen
    assert "unknown" in seen
    assert "nan" not in seen


def test_seeds_are_averaged_with_their_range(raced):
    runs = [rival("x", 0.4), rival("x", 0.6, seed=1), rival("y", 0.9), rival("y", 1.1, seed=1)]
    page = render_comparison(*raced(runs), private=False)
    seen = text(page)
    assert "0.5 0.4 to 0.6" in seen
    assert "2 more grids of other seeds" in seen
    assert page.count('class="line-0 dash-0 also"') == 2


def test_every_one_of_many_recipes_has_a_line_of_its_own_and_the_page_stays_small(raced, tmp_path):
    names = [f"recipe {k}" for k in range(26)]
    facts, folder = raced([rival(name, 1 + k / 9) for k, name in enumerate(names)])
    side = np.random.default_rng(0).integers(0, 256, (10 * 33 - 1, 8 * 33 - 1, 3), dtype=np.uint8)
    for run in facts.rivals:
        Image.fromarray(side).save(folder / run.folder / "grid.png")
    page = render_comparison(facts, folder, private=False)
    keys = re.findall(r'class="key (line-\d dash-\d)"', page)
    assert len(set(keys)) == len(keys) == 26
    assert len(page.encode()) < 2_600_000
    heights = {picture.height for picture in pictures(page)}
    assert all((height + 1) % 33 == 0 for height in heights)


def test_names_cannot_write_html_and_nothing_is_fetched(raced):
    evil = "<script>alert(1)</script>"
    facts, folder = raced([rival("x", 0.5)], warnings=[evil])
    facts.rivals[0].recipe = evil
    page = render_comparison(facts, folder, private=True)
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*"', page) == []
    assert not re.search(r"https?://|url\(|@import|<link rel=\"style", page)


def test_every_picture_and_chart_has_words_and_headings_descend(raced):
    page = render_comparison(*raced([rival("x", 0.5), rival("y", 1.5)]), private=True)
    assert all('alt="' in tag for tag in re.findall(r"<img[^>]*>", page))
    assert all(
        "aria-label" in tag or "aria-hidden" in tag for tag in re.findall(r"<svg[^>]*>", page)
    )
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_facts_come_back_from_json(raced):
    facts, folder = raced([rival("x", 0.5)])
    assert CompareFacts.from_json(facts.to_json()) == facts
    write_comparison(facts, folder)
    assert {"compare.html", "compare.private.html"} <= {each.name for each in folder.iterdir()}


@given(st.lists(st.floats(1e-6, 1e7), min_size=1, max_size=12))
def test_a_logarithmic_axis_holds_its_values_between_round_ticks(values):
    scale = LogScale.around(values)
    assert scale.low <= min(values)
    assert max(values) <= scale.high
    assert 2 <= len(scale.ticks) <= 16
    assert list(scale.ticks) == sorted(scale.ticks)
    assert all(f"{tick:e}"[0] in "125" for tick in scale.ticks)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    middle = math.sqrt(scale.low * scale.high)
    assert scale.at(middle) == pytest.approx(50, abs=0.01)


def test_values_without_a_logarithm_stand_at_the_bottom():
    scale = LogScale.around([-0.2, 0.0, 0.3])
    assert scale.at(-0.2) == scale.at(0.0) == 0
    assert LogScale.around([-1.0]).ticks
