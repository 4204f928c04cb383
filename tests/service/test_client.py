"""The client against a real server: what the local calls give, through the socket."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_engine
import test_sampling
from PIL import Image
from running import Running

import synthaug
from synthaug.client import AnonymizedFrame, Client, connect
from synthaug.errors import InputError
from synthaug.features import pixels
from synthaug.gates import sample
from synthaug.media import frames, probe

FRAMES = 20


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.words: list[str] = []

    def on_progress(self, event: Any) -> None:
        self.phases.append(event.phase)
        if event.message:
            self.words.append(event.message)


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    with connect(server.address) as one:
        yield one


@pytest.fixture(scope="module")
def clip(
    moving_face: Callable[[Path, int], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return moving_face(tmp_path_factory.mktemp("clip") / "person.mp4", FRAMES)


def decoded(path: Path) -> np.ndarray:
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames(probe(path))])


def photos(folder: Path, counts: dict[str, int], seed: int = 0) -> Path:
    return test_engine.written(folder, test_engine.members(counts, seed))


@pytest.mark.parametrize("name", ["augment", "anonymize", "evaluate", "sample"])
def test_signatures_are_the_local_ones(name: str) -> None:
    local = inspect.signature(getattr(synthaug, name)).parameters
    ours = dict(inspect.signature(getattr(Client, name)).parameters)
    del ours["self"]
    # Pages are the local call's own matter; a local evaluation tells no progress.
    assert [n for n in ours if n != "callbacks"] == [
        n for n in local if n not in ("render", "callbacks")
    ]
    for option, parameter in ours.items():
        if option in local and option != "device":
            assert parameter.default == local[option].default, option


def test_an_anonymized_clip_is_the_local_one(client: Client, clip: Path, tmp_path: Path) -> None:
    listener = Listener()
    plan = tmp_path / "plan.jsonl"
    made = client.anonymize(
        clip, tmp_path / "served.mp4", seed=7, plan_file=plan, callbacks=[listener]
    )
    local = synthaug.anonymize(clip, tmp_path / "local.mp4", seed=7)
    assert np.array_equal(decoded(tmp_path / "served.mp4"), decoded(tmp_path / "local.mp4"))
    (ours,), (theirs,) = made.files, local.files
    assert type(made) is type(local)
    assert ours.rendered.frames == FRAMES
    assert ours.rendered.rungs == theirs.rendered.rungs
    assert ours.rendered.left_out == theirs.rendered.left_out
    assert (ours.exit_code, ours.exposed) == (theirs.exit_code, theirs.exposed)
    found, said = ours.audit.verdicts, theirs.audit.verdicts
    assert [(v.gate, v.scope, v.status) for v in found] == [
        (v.gate, v.scope, v.status) for v in said
    ]
    # Without a recogniser there is no number.
    assert [v.statistic for v in found] == pytest.approx([v.statistic for v in said], nan_ok=True)
    assert ours.audit.doubts == theirs.audit.doubts
    assert ours.audit.output == "served.mp4"
    # The page and the facts stand where the local call leaves them; no picture came along.
    assert (ours.report, theirs.report) == (
        tmp_path / "served.mp4.audit", tmp_path / "local.mp4.audit"
    )  # fmt: skip
    assert {f.name for f in ours.report.iterdir()} == {"report.html", "report.json"}
    page = (theirs.report / "report.html").read_text().replace("local.mp4", "served.mp4")
    kept = (ours.report / "report.html").read_text()
    assert "served.mp4" in kept
    assert page.partition("<body")[2][:300] == kept.partition("<body")[2][:300]
    assert '"tracks"' in ours.audit.to_json()
    assert synthaug.faces.plan.read_plan(plan).frames == FRAMES
    assert {"upload", "job", "download"} <= set(listener.phases)
    # Nothing is left beside what was asked for.
    hidden = [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")]
    assert hidden == []
    with pytest.raises(InputError, match="one that is there"):
        client.anonymize(clip, tmp_path / "served.mp4")


@pytest.mark.slow
def test_an_augmented_folder_is_the_local_one(client: Client, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos", {"dark": 14, "light": 8})
    options: dict[str, Any] = {"size": 16, "seed": 3, "budget": "256 images"}
    served, local = tmp_path / "served", tmp_path / "local"
    listener = Listener()
    made = client.augment(folder, "balance", out=served, callbacks=[listener], **options)
    synthaug.augment(folder, "balance", out=local, **options)

    def written(root: Path) -> dict[str, bytes]:
        return {
            f.relative_to(root).as_posix(): f.read_bytes()
            for f in root.rglob("*")
            if f.suffix in (".png", ".csv", ".jsonl") or f.name == "verdicts.json"
        }

    assert len(written(served)) > 4
    assert written(served) == written(local)
    assert made.mixture == synthaug.load(served).mixture == synthaug.load(local).mixture
    assert made.real.name == "photos"
    assert (served / "report.html").read_text().count("photos") > 0
    assert made[0][0].size == (16, 16)
    assert "job" in listener.phases


def arrays(counts: dict[str, int], seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Noise around a shade a class, the classes mixed."""
    names = [name for name, count in counts.items() for _ in range(count)]
    shades = [60 + 90 * list(counts).index(name) for name in names]
    rng = np.random.default_rng(seed)
    pixels = [rng.normal(shade, 20, (16, 16)).clip(0, 255).astype(np.uint8) for shade in shades]
    order = rng.permutation(len(names))
    return np.stack([pixels[i] for i in order]), [names[i] for i in order]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arrays", "dataset", "hugging face", "shards"])
def test_any_set_that_the_local_call_takes_is_sent(
    client: Client, tmp_path: Path, kind: str
) -> None:
    images, names = arrays({"wet": 14, "dry": 8})
    options: dict[str, Any] = {"size": 16, "seed": 3, "budget": "256 images"}
    source = sources(tmp_path, images, names)[kind]
    made = client.augment(source, {"dry": 12}, **options)
    local = synthaug.augment(source, {"dry": 12}, **options)
    assert made.classes == local.classes
    assert made.targets.tolist() == local.targets.tolist()
    for index in range(len(made)):
        (ours, label), (theirs, same) = made[index], local[index]
        assert (type(ours), label) == (type(theirs), same)
        if index < len(images):
            assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    # Records name real images as the source does.
    names_here = {made.real.path(index) for index in range(len(images))}
    records = [each for each in made.provenance if each is not None]
    assert {each.nearest_name for each in records} <= names_here | {None}
    if made.classes == ("dry", "wet"):
        # In the order in which the server has them too: the same draws.
        assert records == [each for each in local.provenance if each is not None]
        for index in range(len(images), len(made)):
            assert np.array_equal(made.image(index), local.image(index))
        assert made.sample_weights() == pytest.approx(local.sample_weights())
    made.save(tmp_path / "out")
    assert len(synthaug.load(tmp_path / "out")) == len(local)


def sources(folder: Path, images: np.ndarray, names: list[str]) -> dict[str, Any]:
    """The same images in each of the ways in which they may be held."""
    import datasets

    order = ["wet", "dry"]  # not that of the alphabet
    labels = [order.index(name) for name in names]

    class Map:
        classes = order

        def __len__(self) -> int:
            return len(labels)

        def __getitem__(self, index: int) -> tuple[Any, int]:
            return Image.fromarray(images[index]), labels[index]

    shard = folder / "train-000.tar"
    told = {"png": lambda i: png(images[i]), "cls": lambda i: names[i].encode()}
    files = {f"{i:03d}.{e}": make(i) for i in range(len(images)) for e, make in told.items()}
    shard.write_bytes(test_engine.tar(files))
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=order)}
    )
    rows = {"image": [Image.fromarray(one) for one in images], "label": labels}
    return {
        "arrays": (images, names), "dataset": Map(),
        "hugging face": datasets.Dataset.from_dict(rows, features=features), "shards": str(shard),
    }  # fmt: skip


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.mark.slow
def test_groups_and_targets_go_with_the_images(client: Client, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos", {"dark": 12, "light": 8})
    made = client.augment(
        folder, {"light": 10}, size=16, budget="256 images", groups=lambda name: name[:-5]
    )
    # In memory, where no folder is given.
    assert made.mixture["light"]["classical"] == 2
    assert len([made[index] for index in range(len(made))]) == 22
    assert len(set(made.real.groups.tolist())) == 3  # dark/00, dark/01, light/00
    with pytest.raises(InputError, match=r"expected one for each of 20 items, got 2"):
        client.augment(folder, groups=[0, 1])


@pytest.mark.slow
def test_an_evaluation_is_the_local_one(client: Client, tmp_path: Path) -> None:
    real = photos(tmp_path / "real", {"dark": 24, "light": 24}, 1)
    made = photos(tmp_path / "made", {"dark": 24, "light": 24}, 2)
    ours, local = client.evaluate(real, made, seed=5), synthaug.evaluate(real, made, seed=5)
    assert type(ours) is type(local)
    assert [(v.gate, v.scope, v.status) for v in ours.verdicts] == [
        (v.gate, v.scope, v.status) for v in local.verdicts
    ]
    assert (ours.space, ours.failed) == (local.space, local.failed)
    assert ours.metrics["set"]["frechet"] == pytest.approx(local.metrics["set"]["frechet"])
    assert "frechet" in str(ours)


@pytest.mark.slow
def test_arrays_are_evaluated_as_here(client: Client) -> None:
    real, made, train = (
        (images, [["dry", "wet"].index(name) for name in names])
        for images, names in (arrays({"dry": 24, "wet": 24}, seed) for seed in (1, 2, 3))
    )
    groups = {"real": [n // 2 for n in range(48)], "train": list(range(100, 148))}
    ours = client.evaluate(real, made, train=train, groups=groups, seed=5)
    local = synthaug.evaluate(real, made, train=train, groups=groups, seed=5)
    assert [(v.gate, v.scope, v.status) for v in ours.verdicts] == [
        (v.gate, v.scope, v.status) for v in local.verdicts
    ]
    assert ours.metrics["set"]["frechet"] == pytest.approx(local.metrics["set"]["frechet"])
    # Images alone are one class, as in a local call.
    ours, local = client.evaluate(real[0], made[0]), synthaug.evaluate(real[0], made[0])
    assert [(v.gate, v.scope, v.status) for v in ours.verdicts] == [
        (v.gate, v.scope, v.status) for v in local.verdicts
    ]


def test_a_generator_of_the_server_draws(client: Client, server: Running, tmp_path: Path) -> None:
    tiny = test_sampling.tiny()
    model = test_sampling.plant(server, tiny, tmp_path, "planted-for-the-client")
    assert client.models() == [model]
    drawn = client.sample(model, class_name="dark", count=3, out=tmp_path / "drawn", seed=4)
    local = synthaug.sample(
        tmp_path / "g", class_name="dark", count=3, out=tmp_path / "local", seed=4
    )
    assert [path.name for path in drawn] == [path.name for path in local]
    for ours, theirs in zip(drawn, local, strict=True):
        assert np.array_equal(np.asarray(Image.open(ours)), np.asarray(Image.open(theirs)))
        assert synthaug.datasets.read_provenance(ours).class_name == "dark"
    with pytest.raises(InputError, match="models/"):
        client.sample(str(tmp_path / "g"), class_name="dark", out=tmp_path / "x")
    with pytest.raises(InputError, match="no such class"):
        client.sample(model, class_name="grey", out=tmp_path / "y")
    assert not (tmp_path / "y").exists()


@pytest.mark.slow
def test_frames_come_back_one_by_one(client: Client, clip: Path) -> None:
    sent = decoded(clip)[:4]
    answers = list(client.anonymize_frames(((n / 25, f) for n, f in enumerate(sent)), seed=1))
    assert [type(each) for each in answers] == [AnonymizedFrame] * 4
    assert [each.seconds for each in answers] == pytest.approx([0, 0.04, 0.08, 0.12])
    for frame, answer in zip(sent, answers, strict=True):
        assert sum(answer.replaced.values()) >= 1
        assert 0 < (frame != answer.frame).any(-1).mean() < 0.5
    with pytest.raises(InputError, match=r"uint8 \(H, W, 3\)"):
        list(client.anonymize_frames([(0.0, sent[0][..., 0])]))
    # A reader that has seen enough ends the stream.
    first = next(iter(client.anonymize_frames(((n / 25, f) for n, f in enumerate(sent)))))
    assert first.frame.shape == sent[0].shape


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("anonymize", {"codec": "av1"}),
        ("anonymize", {"generator": "faces"}),
        ("anonymize", {"hardware": True}),
        ("anonymize", {"max_pixels": 10}),
        ("anonymize", {"c2pa": ("cert.pem", "key.pem")}),
        ("augment", {"device": "cpu"}),
        ("augment", {"recipe": synthaug.Recipe("hinge")}),
        ("evaluate", {"neighbours": "near.png"}),
        ("sample", {"grid": (2, 2), "class_name": "dark", "out": "x"}),
    ],
)
def test_what_the_service_does_not_know_is_refused(
    name: str, options: dict[str, Any], client: Client
) -> None:
    arguments = {"evaluate": ("a", "b")}.get(name, ("a",))
    with pytest.raises(InputError, match="The service has no such option") as raised:
        getattr(client, name)(*arguments, **options)
    assert raised.value.exit_code == 2


def test_a_source_that_cannot_be_sent_is_refused(client: Client, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Convert it to one of these"):
        client.evaluate(iter(()), tmp_path)
    with pytest.raises(InputError, match=r"expected a folder or tar files"):
        client.augment(tmp_path / "none.tar")
    with pytest.raises(InputError, match="nothing there"):
        client.anonymize(tmp_path / "none.mp4")


def test_features_are_not_sent(client: Client, tmp_path: Path) -> None:
    made = sample(np.zeros((4, 16, 16), np.uint8), extractor=pixels())
    with pytest.raises(InputError, match="features of images"):
        client.evaluate(made, tmp_path)
