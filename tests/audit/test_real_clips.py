"""The audit on a real clip, where the clips are: all hidden, and open in a few frames."""

from __future__ import annotations

import pytest

from synthaug.faces.detectors import CenterFace
from synthaug.jobs.anonymizing.audit import audit
from synthaug.verdict import Status


@pytest.fixture
def walk(shared, make_case):
    return make_case(shared / "videos/group_walk_480x270.mp4", CenterFace())


def test_three_people_hidden_and_one_moment_open(walk, tmp_path, recogniser):
    hidden = walk.hidden(tmp_path / "hidden.mp4")
    result = audit(walk.source, hidden, walk.plan, recognisers=[recogniser])
    assert not result.exposed
    assert result.faithful
    assert result.faces >= 3 * 40
    opened = walk.hidden(tmp_path / "opened.mp4", opened={20, 21})
    result = audit(walk.source, opened, walk.plan, recognisers=[recogniser])
    assert result.exposed
    assert {doubt.frame for doubt in result.doubts if doubt.kind == "hole"} == {20, 21}
    assert len([doubt for doubt in result.doubts if doubt.kind == "hole"]) == 6


def test_an_untouched_copy_is_known_by_real_recognisers(walk):
    from synthaug.faces.recognisers import recognisers

    here = recognisers()
    if not here:
        pytest.skip("no recogniser is here: synthaug models get mobilefacenet")
    result = audit(walk.source, walk.source, walk.plan, recognisers=here[:1])
    told = {verdict.gate: verdict.status for verdict in result.verdicts}
    assert (told["open"], told["identity"], told["control"]) == (
        Status.FAIL, Status.FAIL, Status.PASS,
    )  # fmt: skip
