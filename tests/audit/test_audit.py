"""The audit finds what was planted, and nothing where nothing was."""

from __future__ import annotations

import shutil

import av
import numpy as np
import pytest

from synthaug.audit import AuditResult
from synthaug.errors import Damaged, ExposedFace, GateFailed, InputError
from synthaug.faces.plan import Action, PlannedTrack
from synthaug.jobs.anonymizing.audit import audit
from synthaug.verdict import Status


@pytest.fixture(autouse=True)
def _one_recogniser(monkeypatch, recogniser):
    """Which recognisers a machine has changes nothing here."""
    monkeypatch.setattr("synthaug.faces.recognisers.recognisers", lambda: [recogniser])


def status(result: AuditResult) -> dict[str, Status]:
    return {verdict.gate: verdict.status for verdict in result.verdicts}


def why(result: AuditResult, gate: str) -> str:
    return result.verdicts.of(gate=gate)[0].why


def test_the_clip_has_one_face_from_end_to_end(case):
    (only,) = case.plan.tracks
    assert (only.first, len(only.spots)) == (0, 24)


def test_a_fully_covered_file_passes(case, tmp_path):
    result = audit(case.source, case.hidden(tmp_path / "out.mp4"), case.plan)
    told = status(result)
    assert {gate: told[gate] for gate in told if told[gate] is not Status.PASS} == {}
    assert not result.exposed
    assert result.faithful
    assert result.doubts == []
    assert result.faces == 24
    assert 0.5 < result.area < 3
    result.require(strict=True)


def test_a_leak_in_three_frames_is_found_and_named(case, tmp_path):
    output = case.hidden(tmp_path / "out.mp4", opened={10, 11, 12})
    result = audit(case.source, output, case.plan)
    assert status(result)["open"] is Status.FAIL
    assert status(result)["holes"] is Status.FAIL
    assert [doubt.frame for doubt in result.doubts] == [10, 11, 12]
    assert {doubt.kind for doubt in result.doubts} == {"hole"}
    assert [round(doubt.seconds, 2) for doubt in result.doubts] == [0.40, 0.44, 0.48]
    assert why(result, "open") == "3 in 3 frames, at 0.40 s, 0.44 s, 0.48 s"
    assert {crops.glimpse.frame for crops in result.sheet[:3]} == {10, 11, 12}
    with pytest.raises(ExposedFace, match=r"0\.40 s, 0\.44 s, 0\.48 s") as raised:
        result.require()
    assert raised.value.exit_code == 4


def test_half_a_face_is_open(case, tmp_path):
    result = audit(case.source, case.hidden(tmp_path / "out.mp4", share=0.48), case.plan)
    assert result.exposed


def test_an_untouched_copy_is_open_everywhere(case):
    result = audit(case.source, shutil.copy(case.source, case.source.with_name("b.mp4")), case.plan)
    assert result.exposed
    assert len(result.doubts) == 24
    assert why(result, "identity") == "recognised: 1 of 1 tracks (number 0)"
    # Nothing lies between covered frames, because nothing is covered.
    assert status(result)["holes"] is Status.PASS
    assert result.verdicts.of(gate="beside")[0].why == "nothing changed at all"


def test_a_face_the_plan_does_not_know_is_open_all_the_same(case, tmp_path):
    output = case.hidden(tmp_path / "out.mp4", opened=range(24))
    unknown = _with(case.plan, [])
    result = audit(case.source, output, unknown)
    assert result.exposed
    assert {doubt.kind for doubt in result.doubts} == {"open"}


def test_a_face_kept_on_purpose_is_no_leak(case, tmp_path):
    output = case.hidden(tmp_path / "out.mp4", opened=range(24))
    (only,) = case.plan.tracks
    kept = PlannedTrack(0, Action.KEEP, only.first, only.times, only.spots)
    result = audit(case.source, output, _with(case.plan, [kept]))
    assert not result.exposed
    assert result.faces == 0


def test_one_frame_fewer_is_named(case, tmp_path):
    result = audit(case.source, case.hidden(tmp_path / "out.mp4", left_out={7}), case.plan)
    assert why(result, "frames") == "23 frames in place of 24: 1 missing, at 0.28 s"
    assert status(result)["frames"] is Status.FAIL
    assert not result.exposed
    assert not result.faithful
    with pytest.raises(GateFailed, match="1 missing"):
        result.require(strict=True)


def test_another_clip_in_its_place_is_not_believed(case, written, tmp_path):

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (24, 240, 320, 3)).astype(np.uint8)
    output = written(tmp_path / "other.mp4", lambda index: noise[index])
    result = audit(case.source, output, case.plan)
    assert status(result)["beside"] is Status.FAIL
    assert status(result)["open"] is Status.INCONCLUSIVE
    assert "another picture" in why(result, "open")
    with pytest.raises(ExposedFace, match="cannot tell"):
        result.require(strict=True)


def test_a_file_coded_again_badly_fails_beside_the_faces(case, tmp_path):
    covered = case.hidden(tmp_path / "out.mp4")
    again = _recoded(covered, tmp_path / "again.mp4", crf="40")
    result = audit(case.source, again, case.plan)
    assert status(result)["beside"] is Status.FAIL
    assert not result.exposed


def test_sound_that_is_gone_or_changed_is_told(case, tmp_path):
    mute = case.hidden(tmp_path / "out.mp4", mute=True)
    assert "the sound is gone" in why(audit(case.source, mute, case.plan), "sound")
    assert status(audit(case.source, mute, case.plan, mute=True))["sound"] is Status.PASS
    whole = case.hidden(tmp_path / "whole.mp4")
    assert status(audit(case.source, whole, case.plan, mute=True))["sound"] is Status.FAIL
    again = _recoded(whole, tmp_path / "again.mp4", crf="10")
    result = audit(case.source, again, case.plan)
    assert status(result)["sound"] is Status.FAIL
    assert "packets of sound differ" in why(result, "sound")


def test_a_damaged_output_is_never_passed(case, tmp_path):
    content = bytearray(case.hidden(tmp_path / "out.mp4").read_bytes())
    # The second half of the coded pictures is lost, the index is not.
    start, end = content.index(b"mdat"), content.index(b"moov") - 8
    pictures = slice((start + end) // 2, end, 7)
    content[pictures] = bytes(len(content[pictures]))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content)
    result = audit(case.source, cut, case.plan)
    assert not result.faithful
    with pytest.raises((GateFailed, ExposedFace)):
        result.require(strict=True)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises((InputError, Damaged)):
        audit(case.source, tmp_path / "text.mp4", case.plan)


def test_traces_of_people_are_found_by_name_and_by_value(case, tmp_path):
    named = _recoded(case.source, tmp_path / "named.mp4", crf="14", artist="Jane Doe")
    plan = _with(case.plan, case.plan.tracks, of=named)
    again = _recoded(case.source, tmp_path / "again.mp4", crf="14", comment="by Jane Doe")
    result = audit(named, again, plan)
    assert status(result)["metadata"] is Status.FAIL
    assert "value of metadata artist" in why(result, "metadata")


def test_what_our_own_writer_says_in_capitals_is_no_trace(case, tmp_path):
    again = _recoded(case.source, tmp_path / "again.mkv", crf="14", comment="faces are covered")
    assert status(audit(case.source, again, case.plan))["metadata"] is Status.PASS


def test_a_plan_of_another_file_is_refused(case, tmp_path):
    other = tmp_path / "other.mp4"
    other.write_bytes(case.source.read_bytes() + b"x")
    with pytest.raises(InputError, match="one for this file"):
        audit(other, case.source, case.plan)


def test_the_result_is_json_without_a_picture(case, tmp_path):
    import json

    result = audit(case.source, case.hidden(tmp_path / "out.mp4", opened={10}), case.plan)
    told = json.loads(result.to_json())
    assert told["exposed"] is True
    assert told["doubts"][0]["frame"] == 10
    assert "sheet" not in told


def _with(plan, tracks, of=None):
    import dataclasses

    from synthaug.weights.registry import sha256_of

    changes = {"input_sha256": sha256_of(of)} if of else {}
    return dataclasses.replace(plan, tracks=list(tracks), **changes)


def _recoded(source, target, *, crf, **metadata):
    """The same frames and sound through encoders again."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        video, sound = old.streams.video[0], old.streams.audio[0]
        stream = new.add_stream("libx264", rate=25, options={"crf": crf, "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.codec_context.time_base = video.time_base
        tone = new.add_stream("aac", rate=48000, layout="mono")
        tone.bit_rate = 64000
        new.metadata.update(metadata)
        for frame in old.decode(video, sound):
            into = stream if isinstance(frame, av.VideoFrame) else tone
            if into is stream:
                frame.pict_type = 0
            new.mux(into.encode(frame))
        new.mux(stream.encode(None))
        new.mux(tone.encode(None))
    return target


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_face_that_lies_on_its_side_in_the_file_is_found(case, make_picture, rotation):
    from fractions import Fraction

    from synthaug.audit.leaks import Leaks, Limits
    from synthaug.audit.pairing import Pair
    from synthaug.faces import CenterFace

    turned = np.ascontiguousarray(np.rot90(make_picture(3), -rotation // 90))
    leaks = Leaks(
        _with(case.plan, []), (CenterFace(), CenterFace()), limits=Limits(), rotation=rotation
    )
    leaks.look(Pair(0, Fraction(0), turned, turned))
    (only,) = leaks.open()
    left, top, width, height = only.box
    assert 0 <= left < left + width <= turned.shape[1]
    assert 0 <= top < top + height <= turned.shape[0]
    assert only.likeness > 0.99
    covered = turned.copy()
    covered[round(top) : round(top + height), round(left) : round(left + width)] = 90
    leaks.look(Pair(1, Fraction(1, 25), turned, covered))
    assert [glimpse.frame for glimpse in leaks.open()] == [0]


def test_pictures_are_read_again_too(case, make_picture, detector, tmp_path):
    from fractions import Fraction

    from PIL import Image

    from synthaug.faces.plan import Plan
    from synthaug.faces.tracks import Source, Spot
    from synthaug.weights.registry import sha256_of

    source, hidden = tmp_path / "a.png", tmp_path / "b.png"
    pixels = make_picture(5)
    Image.fromarray(pixels).save(source)
    seen = detector(pixels)
    spot = Spot(seen.boxes[0], seen.points[0], 1.0, Source.DETECTED)
    track = PlannedTrack(0, Action.REPLACE, 0, [0], [spot])
    plan = Plan("a.png", sha256_of(source), 320, 240, 1, Fraction(1, 1000), {}, "", [track])
    left, top, width, height = (round(float(x)) for x in spot.box)
    covered = pixels.copy()
    covered[top - 5 : top + height, left : left + width] = 90
    Image.fromarray(covered).save(hidden)
    result = audit(source, hidden, plan)
    assert not result.exposed
    assert result.faithful, str(result)
    assert status(result)["kind"] is Status.PASS
    assert audit(source, source, plan).exposed
    Image.fromarray(covered[:200]).save(tmp_path / "c.jpg")
    told = status(audit(source, tmp_path / "c.jpg", plan))
    assert (told["size"], told["kind"]) == (Status.FAIL, Status.FAIL)


def test_nothing_is_asked_of_times_that_were_to_stay_open(case, tmp_path):
    import dataclasses

    output = case.hidden(tmp_path / "out.mp4", opened=range(12, 24))
    late = dataclasses.replace(case.plan, between=[(0.0, 0.45)])
    assert not audit(case.source, output, late).exposed
    assert audit(case.source, output, case.plan).exposed
