import base64
import html
import io
import itertools
import re

import pytest
from PIL import Image

from synthaug.facts import AugmentFacts
from synthaug.report import write
from synthaug.report.page import render
from synthaug.report.pictures import nearest_pairs, sheets

SECTIONS = [
    "Before and after", "What was made", "What was tried", "Copies?", "What the gates say",
    "How the generator learnt", "The plan, class by class", "How it was made",
    "What the words mean",
]  # fmt: skip


def text(page):
    """What a reader sees, in order."""
    page = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def pictures(page):
    for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page):
        yield Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def test_two_pages_are_written(reported, tmp_path):
    write(reported(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html", "report.private.html",
    ]  # fmt: skip


def test_the_page_says_first_what_was_chosen_and_whether_it_helps(reported):
    page = render(reported(), private=False)
    seen = text(page).replace("\xa0", " ")
    start = seen.index("With GAN share 0.3, balanced accuracy rises from 66.0 % to 73.0 %")
    assert "It helps" in seen[:start]
    order = [seen.index(title, start) for title in SECTIONS]
    assert order == sorted(order)
    assert page.count("<h1>") == 1


def test_every_gate_answers_in_words_and_images_are_only_counted(reported):
    seen = text(render(reported(), private=False))
    for words in ("✓ PASS", "✕ FAIL", "? INCONCLUSIVE", "14 groups would decide."):
        assert words in seen
    assert "Redrawn." not in seen
    assert "2 by the copy gate" in seen


def test_the_shared_page_holds_no_real_image_and_no_name_of_one(reported):
    data = reported()
    page = render(data, private=False)
    for secret in ("patient", "secret/", "/home/ann", "classical images of class"):
        assert secret not in page
    assert "2 of 99 images left out: names withheld" in page
    assert "synthaug augment …/tiles" in html.unescape(page)
    made = {image.numpy().tobytes() for image in data.images}
    shown = 0
    for sheet in pictures(page):
        for left in range(0, sheet.width, 34):
            for top in range(0, sheet.height, 34):
                cell = sheet.crop((left, top, left + 32, top + 32))
                planes = b"".join(band.tobytes() for band in cell.split())
                if any(planes):
                    assert planes in made
                    shown += 1
    assert shown == 18


def test_the_private_page_sets_the_nearest_real_image_beside_generated_ones(reported):
    data = reported()
    page = render(data, private=True)
    pairs = nearest_pairs(data)
    assert [pair.distance for pair in pairs] == sorted(pair.distance for pair in pairs)
    assert pairs[0].real in page
    assert pairs[0].name in page
    assert "patient-3.png is an empty file" in page
    assert "/home/ann/tiles" in page
    assert "Private." in text(page)
    assert "12 classical images of class fray" not in page
    assert "classical images of class fray" in page


@pytest.mark.parametrize("private", [False, True])
def test_names_cannot_write_html(reported, private):
    evil = "<script>alert(1)</script>\"'&"
    page = render(reported((evil, evil + "2")), private=private)
    assert "<script" not in page
    assert html.escape("<script>alert(1)</script>") in page


@pytest.mark.parametrize("private", [False, True])
def test_a_page_of_100_classes_and_10_000_images_stays_under_2_mb(reported, private):
    data = reported([f"class {k}" for k in range(100)], total=10_000)
    page = render(data, private=private)
    assert len(page.encode()) < 2_000_000
    kinds = ["gan", "classical"] if private else ["gan"]
    drawn, left_out = sheets(data, private=private)
    wanted = [(f"class {k}", kind) for k in range(1, 100) for kind in kinds]
    assert [(s.class_name, s.kind) for s in drawn] == wanted[:120]
    assert left_out == len(wanted[120:])
    assert "76 more classes" in text(page)


def test_nothing_is_fetched_from_anywhere(reported):
    page = render(reported(), private=True)
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*"', page) == []
    assert not re.search(r"https?://|url\(|@import|<script|<link rel=\"style", page)


def test_a_run_without_a_generator_reads_well(reported):
    seen = text(render(reported(gan=False), private=False))
    for words in (
        "Classically augmented images are not shown here",
        "No generated image is part of the set, so none can be a copy.",
        "No gate was asked: the set holds no generated image to judge.",
        "No generator was trained, so there is no curve.",
        "none is GAN-made.",
    ):
        assert words in seen
    assert "None" not in seen
    assert "nan" not in seen


def test_a_run_that_did_nothing_reads_well(reported):
    data = reported(total=0, facts=AugmentFacts(version="0.1.0", source="tiles"))
    for private in (False, True):
        seen = text(render(data, private=private))
        assert "The choice is nothing; the images at hand cannot say whether it helps." in seen
        assert "No image was made" in seen
        assert "No remedies were compared" in seen
        assert "None" not in seen


def test_nan_numbers_are_dashes(reported):
    data = reported()
    data.report.curve[3].frechet = float("nan")
    data.report.copy_generated.append(float("nan"))
    page = render(data, private=False)
    data.report.copy_generated.pop()
    assert "nan" not in text(page)
    assert '="nan' not in page


def test_every_picture_and_chart_has_words_and_headings_descend(reported):
    page = render(reported(), private=True)
    assert all('alt="' in tag for tag in re.findall(r"<img[^>]*>", page))
    assert all(
        "aria-label" in tag or "aria-hidden" in tag for tag in re.findall(r"<svg[^>]*>", page)
    )
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', page)) <= set(ids)


def contrast(one, other):
    """Contrast ratio of two #rrggbb colours. Source: WCAG 2.2, 1.4.3."""

    def luminance(colour):
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(reported, scheme):
    page = render(reported(), private=False)
    rules = re.findall(r":root \{(.*?)\}", page, flags=re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", rules.replace("#fff;", "#ffffff;")))
    pairs = [("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card")]
    pairs += [(tone, f"{tone}-bg") for tone in ("good", "bad", "open", "even")]
    pairs += [("on-gan", "gan"), ("on-classical", "classical"), ("ink", "open-bg")]
    assert {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs} == {
        pair: pytest.approx(21, abs=16.5) for pair in pairs
    }
