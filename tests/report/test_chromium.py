"""The pages in a real browser."""

import json
import re
import shutil
import subprocess

import pytest
from PIL import Image

from synthaug.report import write

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --enable-logging=stderr"
).split()
# What a reader's browser knows once all is there.
PROBE = """
<script>
addEventListener("load", async () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  const images = [...document.images];
  for (const image of images) image.loading = "eager";
  await Promise.all(images.map(image => image.decode().catch(() => {})));
  const top = document.querySelector("h1").getBoundingClientRect();
  const found = {
    images: images.length,
    broken: images.filter(i => !i.naturalWidth).length,
    width: innerWidth,
    content: document.documentElement.scrollWidth,
    headline: document.querySelector("h1").innerText,
    headlineTop: top.top, headlineHeight: top.height,
    fetched: performance.getEntriesByType("resource").map(r => r.name)
      .filter(n => !n.startsWith("data:")),
  };
  parent.postMessage(JSON.stringify(found), "*");
});
</script>
</body>"""
# Chromium's windows have a least width, frames have none; --dump-dom shows what a frame told.
FRAME = """<!doctype html><body style="margin: 0"><script>
addEventListener("message", event => document.documentElement.dataset.found = event.data);
</script><iframe src="page.html" width="{width}" height="900" style="border: 0"></iframe>"""


@pytest.fixture(scope="session")
def browse(tmp_path_factory):
    """Opens a page in headless Chromium at a window width; what it found and what it logged."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on PATH (Debian: apt-get install chromium)")

    def opened(page, width):
        folder = tmp_path_factory.mktemp("browser")
        probed = folder / "page.html"
        probed.write_text(page.read_text("utf-8").replace("</body>", PROBE), encoding="utf-8")
        frame = folder / "frame.html"
        frame.write_text(FRAME.format(width=width))
        # The page answers after its images are decoded, which takes real time, and the dump
        # comes when virtual time is up: on a busy machine it may come first, so ask for more,
        # and again.
        for budget in (10_000, 100_000, *[1_000_000] * 6):
            done = subprocess.run(
                [program, *QUIET, f"--user-data-dir={folder}/profile", "--window-size=1300,1000",
                 f"--virtual-time-budget={budget}", "--dump-dom", frame.as_uri()],
                capture_output=True, text=True, timeout=120, check=True,
            )  # fmt: skip
            found = re.search(r'data-found="([^"]*)"', done.stdout)
            if found:
                break
        assert found, done.stdout[:300] + done.stderr[-2000:]
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return json.loads(found.group(1).replace("&quot;", '"').replace("&amp;", "&")), console

    return opened


@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("name", ["report.html", "report.private.html"])
def test_a_page_is_whole_and_fits_the_screen(reported, browse, tmp_path, name, width):
    data = reported([f"<script>class {k}</script>" for k in range(30)], total=400)
    write(data, tmp_path)
    found, console = browse(tmp_path / name, width)
    assert console == []
    assert found["images"] > 0
    assert found["broken"] == 0
    assert found["fetched"] == []
    assert found["content"] <= found["width"] == width
    assert found["headline"].replace("\xa0", " ").startswith("With GAN share 0.3, balanced")
    assert found["headlineHeight"] > 0
    assert 0 <= found["headlineTop"] < 300


def test_an_empty_page_is_whole_too(reported, browse, tmp_path):
    write(reported(gan=False, total=0), tmp_path)
    found, console = browse(tmp_path / "report.html", 1200)
    assert (console, found["broken"], found["fetched"]) == ([], 0, [])


@pytest.mark.parametrize("width", [1200, 400])
def test_a_comparison_is_whole_and_fits_the_screen(browse, tmp_path, width):
    from synthaug.facts import CompareFacts, CurvePoint, RivalFacts
    from synthaug.report import write_comparison

    rivals = []
    for number in range(9):
        name = f"a recipe with a long name {number}"
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for file in ("grid.png", "nearest.private.png"):
            Image.new("RGB", (135, 33), (90, 20 * number, 9)).save(folder / file)
        points = [CurvePoint(images_seen=k, seconds=9.0 * k, frechet=900 / k, score=1, kid=3 / k)
                  for k in range(1, 6)]  # fmt: skip
        verdicts = [{"gate": gate, "scope": "set", "status": "INCONCLUSIVE", "why": "Too few."}
                    for gate in ("copy", "fidelity", "diversity", "label")]  # fmt: skip
        rivals.append(RivalFacts(
            recipe=name, folder=folder.name, source="Somebody, Somebody Else and Others 2014",
            failed="RuntimeError: " + "no " * 40 if number == 8 else "", curve=points,
            numbers={"kid": 0.1 * (number + 1), "frechet": 123.4, "birthday_support": 12345.6},
            verdicts=verdicts, nearest=[0.5] * 12,
        ))  # fmt: skip
    facts = CompareFacts(
        version="0.1.0", source="tiles", budget="5 min", resolution=16, classes=["a", "b"],
        shown=(["a", "b"], 8), rivals=rivals, command="synthaug compare tiles " + "x," * 90,
    )  # fmt: skip
    Image.new("RGB", (135, 33)).save(tmp_path / "real.private.png")
    write_comparison(facts, tmp_path)
    for name in ("compare.html", "compare.private.html"):
        found, console = browse(tmp_path / name, width)
        assert (console, found["broken"], found["fetched"]) == ([], 0, [])
        assert found["images"] >= 8
        assert found["content"] <= found["width"] == width
        assert 0 <= found["headlineTop"] < 300


@pytest.mark.parametrize("width", [1200, 400])
def test_an_audit_is_whole_and_fits_the_screen(browse, tmp_path, width):
    from synthaug.audit import AuditResult, Doubt, TrackFacts
    from synthaug.report import write_audit
    from synthaug.verdict import Status, Verdict, Verdicts

    told = Verdicts(
        Verdict(
            gate=gate, scope="file", status=Status.FAIL, statistic=1.0, n_real=1, n_generated=1,
            null="", why="at 0.40 s, " * 12,
        )
        for gate in ("open", "holes", "identity", "control", "frames", "beside", "metadata")
    )  # fmt: skip
    doubts = [
        Doubt(kind="open", frame=9 * n, seconds=n / 3, box=(9.0 * n, 20, 30, 40), track=n % 5,
              likeness=0.9)
        for n in range(60)
    ]  # fmt: skip
    tracks = [
        TrackFacts(
            track=n, action="replace", first=n / 2, last=n / 2 + 5, frames=125, side=50.0,
            likeness=0.5, status="PASS", control=0.8, similarity=0.2, same=0.4,
            recogniser="mobilefacenet", why="not recognised",
        )
        for n in range(40)
    ]  # fmt: skip
    write_audit(
        AuditResult(
            version="0.1.0", source="a.mp4", output="a-long-name-" * 6 + ".anonymized.mp4",
            frames=600, seconds=24.0, size=(1920, 1080), faces=900, verdicts=told, doubts=doubts,
            tracks=tracks,
        ),
        tmp_path,
    )  # fmt: skip
    found, console = browse(tmp_path / "report.html", width)
    assert (console, found["images"], found["fetched"]) == ([], 0, [])
    assert found["content"] <= found["width"] == width
    assert found["headline"].startswith("A face may be open at 0:00.00")
