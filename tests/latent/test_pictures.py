"""Points give the sampled images; ways, mixtures and walks begin and end at them."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
import torch

from synthaug import latent
from synthaug.errors import InputError
from synthaug.latent.video import carries_provenance
from synthaug.provenance import Provenance
from synthaug.training import Generator

ORIGIN = Provenance(
    kind="gan", class_name="a", index=0, latent_seed=1, recipe="rare", version="1", tool="walk"
)


@pytest.mark.parametrize("space", ["w", "z"])
@pytest.mark.parametrize("psi", [1.0, 0.6])
def test_located_points_give_the_images_of_their_seeds(
    styled: Generator, space: latent.codes.Space, psi: float
) -> None:
    codes = latent.locate(styled, [0, 1, 2], [4, 5, 6], space=space, truncation_psi=psi)
    sampled = styled.sample([0, 1, 2], [4, 5, 6], truncation_psi=psi)
    apart = (latent.draw(styled, codes).int() - sampled.int()).abs().max()
    assert apart <= (0 if psi == 1.0 else 1)


@pytest.mark.parametrize(("which", "space"), [("styled", "w"), ("styled", "z"), ("plain", "z")])
def test_a_way_begins_and_ends_with_the_sampled_images(
    request: pytest.FixtureRequest, which: str, space: latent.codes.Space
) -> None:
    generator: Generator = request.getfixturevalue(which)
    ways = latent.interpolate(generator, [1], [7, 8, 9], steps=5, space=space)
    sampled = generator.sample([1, 1, 1], [7, 8, 9])
    assert ways.shape == (2, 5, 3, 32, 32)
    assert torch.equal(ways[:, 0], sampled[:2])
    assert torch.equal(ways[:, -1], sampled[1:])
    steps = (ways[0, 1:].float() - ways[0, :-1].float()).abs().mean((1, 2, 3))
    direct = (sampled[1].float() - sampled[0].float()).abs().mean()
    assert 0 < steps.max() < 0.8 * direct


def test_a_way_leads_from_class_to_class_in_w_only(styled: Generator, plain: Generator) -> None:
    ways = latent.interpolate(styled, [0, 2], [7, 7], steps=3)
    assert torch.equal(ways[0, -1], styled.sample([2], [7])[0])
    with pytest.raises(InputError, match="classes: expected one, on a way through z"):
        latent.interpolate(plain, [0, 2], [7, 7])
    with pytest.raises(InputError, match="space: expected z, got w for a dcgan generator"):
        latent.interpolate(plain, [0], [7, 8], space="w")


def test_ways_that_make_no_sense(styled: Generator) -> None:
    for seeds, steps in (([1], 8), ([1, 2], 1)):
        with pytest.raises(InputError, match="at least two images and two steps"):
            latent.interpolate(styled, [0], seeds, steps=steps)
    with pytest.raises(InputError, match=r"labels: expected one, or one a seed \(3\), got 2"):
        latent.interpolate(styled, [0, 1], [1, 2, 3])
    with pytest.raises(InputError, match="labels: expected 0 to 2, got 3 to 3"):
        latent.interpolate(styled, [3], [1, 2])
    with pytest.raises(InputError, match="truncation: expected a finite number"):
        styled.sample([0], [1], truncation_psi=float("nan"))


def test_psi_zero_gives_one_image_a_class_and_it_is_that_of_the_mean_style(
    styled: Generator,
) -> None:
    codes = latent.locate(styled, [1], [3, 4, 5], truncation_psi=0.0)
    images = latent.draw(styled, codes)
    assert torch.equal(images[0], images[1])
    assert torch.equal(images[0], images[2])
    mean = latent.mean_style(styled, "b")
    still = styled.render_styles(mean[None], torch.zeros(1, codes.noise.shape[1]))
    assert torch.equal(still, images[:1])
    every = torch.stack([latent.mean_style(styled, name) for name in styled.classes])
    assert torch.allclose(latent.mean_style(styled), every.mean(0))
    assert torch.allclose(mean[0], styled.network.mean_style()[1])  # type: ignore[operator]


def test_mean_style_needs_styles_and_a_class(styled: Generator, plain: Generator) -> None:
    with pytest.raises(InputError, match="space: expected z"):
        latent.mean_style(plain, "a")
    with pytest.raises(InputError, match=r"Use a class the generator was trained on"):
        latent.mean_style(styled, "zzz")


def test_mixing_a_source_with_itself_gives_the_source(styled: Generator) -> None:
    sources = latent.locate(styled, [0, 1, 2], [3, 4, 5])
    sampled = styled.sample([0, 1, 2], [3, 4, 5])
    mixed = latent.mix(styled, sources, sources)
    for corner in range(3):
        assert torch.equal(mixed[corner, corner], sampled[corner])
    assert not torch.equal(mixed[0, 1], sampled[0])
    assert not torch.equal(mixed[0, 1], sampled[1])


def test_a_cut_takes_all_styles_from_the_row_or_all_from_the_column(styled: Generator) -> None:
    rows, columns = (latent.locate(styled, [0], seeds) for seeds in ([1, 2], [3, 4]))
    layers = rows.values.shape[1]
    whole = latent.mix(styled, rows, columns, cut=layers)
    assert torch.equal(whole[:, 0], styled.sample([0, 0], [1, 2]))
    assert torch.equal(whole[:, 0], whole[:, 1])
    none = latent.mix(styled, rows, columns, cut=0)
    assert torch.equal(none[0, 1], styled.render_styles(columns.values[1:], rows.noise[:1])[0])
    # The more layers follow the row, the nearer the mixture is to the row's image.
    apart = [
        (latent.mix(styled, rows, columns, cut=cut).float() - whole.float()).abs().mean().item()
        for cut in range(layers + 1)
    ]
    assert apart == sorted(apart, reverse=True)
    with pytest.raises(InputError, match=rf"cut: expected 0 to {layers}"):
        latent.mix(styled, rows, columns, cut=layers + 1)


def test_mixing_needs_styles(plain: Generator) -> None:
    codes = latent.locate(plain, [0], [1])
    with pytest.raises(InputError, match="style mixing: expected points in w"):
        latent.mix(plain, codes, codes)
    with pytest.raises(InputError, match="a dcgan generator, which has none"):
        plain.render_styles(codes.values, codes.noise)


@pytest.mark.parametrize("which", ["styled", "plain"])
def test_a_walk_passes_its_images_and_joins(request: pytest.FixtureRequest, which: str) -> None:
    generator: Generator = request.getfixturevalue(which)
    frames = latent.walk(generator, [1], [1, 2, 3, 4], frames=48)
    sampled = generator.sample([1] * 4, [1, 2, 3, 4])
    assert (frames[::12].int() - sampled.int()).abs().max() <= 1
    turned = torch.cat([frames, frames[:1]]).float()
    steps = (turned[1:] - turned[:-1]).abs().mean((1, 2, 3))
    far = (sampled[0].float() - sampled[1].float()).abs().mean()
    # The step from the last frame to the first is one like the others, and all are small.
    assert steps[-1] < 1.5 * steps.median() + 0.1
    assert steps.max() < 0.4 * far


def test_a_video_holds_every_frame_and_says_what_it_is(styled: Generator, tmp_path: Path) -> None:
    frames = latent.walk(styled, [0, 1, 2], [1, 2, 3], frames=30)
    file = tmp_path / "walk.mp4"
    assert latent.save_video(file, frames, fps=12.5, provenance=ORIGIN) == 30
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]
    with av.open(str(file)) as video:
        stream = video.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert float(stream.average_rate or 0) == 12.5
        seen = [torch.from_numpy(f.to_ndarray(format="rgb24")) for f in video.decode(stream)]
    assert len(seen) == 30
    assert seen[0].shape == (256, 256, 3)
    for index in (0, 17, 29):
        small = seen[index].permute(2, 0, 1).float().unflatten(1, (32, 8)).unflatten(3, (32, 8))
        apart = (small.mean((2, 4)) - frames[index].float()).abs().mean()
        assert apart < 8
    assert carries_provenance(file)
    content = file.read_bytes()
    assert b"trainedAlgorithmicMedia" in content
    assert b"synthaug:provenance" in content


def test_videos_and_walks_that_cannot_be(styled: Generator, tmp_path: Path) -> None:
    frames = torch.zeros(4, 1, 16, 16, dtype=torch.uint8)
    for fps in (0.0, -1.0, 1000.0, float("nan")):
        with pytest.raises(InputError, match="frame rate: expected above 0 and at most 240"):
            latent.save_video(tmp_path / "a.mp4", frames, fps=fps, provenance=ORIGIN)
    with pytest.raises(InputError, match="output: expected a place that can be written"):
        latent.save_video(tmp_path / "no" / "a.mp4", frames, fps=10, provenance=ORIGIN)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="at least two images to pass and two frames"):
        latent.walk(styled, [0], [1], frames=10)
