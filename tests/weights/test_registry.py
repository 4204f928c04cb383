"""Weights are fetched whole or not at all, from a real server on this machine."""

from __future__ import annotations

import hashlib
import http.server
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthaug.errors import Damaged, InputError, OutOfResources
from synthaug.weights.download import download
from synthaug.weights.registry import Weights, find, named, registry


class Server(http.server.ThreadingHTTPServer):
    """Serves one file; may cut answers short or not know ranges."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.cut, self.ranges = b"", None, True
        self.asked: list[str | None] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut] if self.server.cut is not None else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def published(server: Server, content: bytes, name: str = "toy") -> Weights:
    server.content, server.cut, server.ranges, server.asked = content, None, True, []
    return Weights(
        name=name, file="toy.onnx", url=f"http://127.0.0.1:{server.server_port}/toy.onnx",
        sha256=hashlib.sha256(content).hexdigest(), size=len(content), licence="MIT",
        purpose="tests", convention="none",
    )  # fmt: skip


def at(url: str) -> Weights:
    return Weights(
        name="toy", file="toy", url=url, sha256="0", size=1, licence="MIT", purpose="tests",
        convention="none",
    )  # fmt: skip


def test_a_file_is_fetched_once_and_then_found(server, tmp_path):
    toy = published(server, b"weights" * 40_000)
    told = []
    path = download(toy, tmp_path, on_bytes=lambda *at: told.append(at))
    assert path.read_bytes() == server.content
    assert told[-1] == (toy.size, toy.size)
    download(toy, tmp_path)
    assert len(server.asked) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["toy.onnx"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(cut=st.integers(0, 99_999), ranges=st.booleans())
def test_an_interrupted_download_goes_on(server, tmp_path_factory, cut, ranges):
    folder = tmp_path_factory.mktemp("cache")
    toy = published(server, bytes(range(250)) * 400)
    server.cut = cut
    with pytest.raises(OutOfResources):
        download(toy, folder)
    assert not (folder / toy.file).exists()
    server.cut, server.ranges = None, ranges
    assert download(toy, folder).read_bytes() == server.content
    assert server.asked[-1] == f"bytes={cut}-"


@pytest.mark.parametrize("change", [b"x", b""])
def test_another_file_is_refused_and_kept_for_no_one(server, tmp_path, change):
    toy = published(server, b"weights" * 1000)
    server.content = change + server.content[len(change) :] + (b"" if change else b"more")
    with pytest.raises(Damaged, match=r"SHA-256 .*Nothing was kept"):
        download(toy, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_named_with_the_way_round(tmp_path):
    gone = at("http://127.0.0.1:9/g")
    with pytest.raises(OutOfResources, match=r"127\.0\.0\.1:9/g.*by hand"):
        download(gone, tmp_path)


def test_an_open_wire_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected https, got http"):
        download(at("http://example.com/p"), tmp_path)


def test_a_folder_prepared_by_hand_is_used_and_a_wrong_file_in_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SYNTHAUG_WEIGHTS", str(tmp_path))
    assert find("yunet") is None
    (tmp_path / named("yunet").file).write_bytes(b"not the weights")
    with pytest.raises(Damaged, match=r"models get yunet"):
        find("yunet")


def test_every_entry_is_pinned():
    for weights in registry().values():
        commits = [part for part in weights.url.split("/") if len(part) == 40]
        assert weights.url.startswith("https://")
        # A release's file may be exchanged, but then its hash is another.
        assert len(commits) == 1 or "/releases/download/v" in weights.url
        assert len(weights.sha256) == 64
        assert weights.size > 0


def test_an_unknown_name_is_refused_and_the_nearest_offered():
    with pytest.raises(InputError, match=r"Did you mean yunet\?"):
        named("yunnet")


def test_the_cache_lies_where_the_platform_wants_it(monkeypatch):
    monkeypatch.delenv("SYNTHAUG_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path("/somewhere")))
    from synthaug.weights.registry import cache_folder

    assert cache_folder().parts[-2:] == ("synthaug", "weights")
