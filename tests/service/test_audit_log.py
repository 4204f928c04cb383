"""The audit log: whatever is done to it afterwards is found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Client, Running, refused, synthaug

from synthaug.errors import Damaged
from synthaug.v1 import artifact_pb2, model_pb2
from synthaug_server.store.audit_log import AuditLog, verify


@pytest.fixture
def log(tmp_path: Path) -> Path:
    audit = AuditLog(tmp_path)
    for index in range(20):
        audit.append("artifact.create", actor="red/1", subject=f"artifacts/{index}", bytes=index)
    audit.close()
    return tmp_path


def lines(folder: Path) -> list[bytes]:
    return (folder / "audit.jsonl").read_bytes().splitlines(keepends=True)


def changed(line: bytes, **fields: object) -> bytes:
    return json.dumps({**json.loads(line), **fields}).encode() + b"\n"


EDITS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "one byte": lambda ls: [*ls[:4], ls[4].replace(b"artifacts/4", b"artifacts/5"), *ls[5:]],
    "a fact": lambda ls: [*ls[:4], changed(ls[4], facts={"bytes": 0}), *ls[5:]],
    "a hash": lambda ls: [*ls[:4], changed(ls[4], hash="0" * 64), *ls[5:]],
    "the first": lambda ls: ls[1:],
    "one out": lambda ls: [*ls[:4], *ls[5:]],
    "two swapped": lambda ls: [*ls[:4], ls[5], ls[4], *ls[6:]],
    "one twice": lambda ls: [*ls[:5], ls[4], *ls[5:]],
    "the end": lambda ls: ls[:-1],
    "half a line": lambda ls: [*ls[:-1], ls[-1][:30]],
    "everything": lambda ls: [],
    "no JSON": lambda ls: [*ls[:4], b"\xff\n", *ls[5:]],
    "no object": lambda ls: [*ls[:4], b"[]\n", *ls[5:]],
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_log_is_found(log: Path, edit: str) -> None:
    assert verify(log).entries == 20
    (log / "audit.jsonl").write_bytes(b"".join(EDITS[edit](lines(log))))
    with pytest.raises(Damaged, match="audit log"):
        verify(log)
    done = synthaug("audit", "verify", "--store", str(log), check=False)
    assert done.returncode == 6
    assert "audit log: entry" in done.stderr


def test_a_log_made_anew_lacks_the_hash_written_down_before(log: Path, tmp_path: Path) -> None:
    head = verify(log).hash
    for name in ("audit.jsonl", "audit.head"):
        (log / name).unlink()
    audit = AuditLog(log)
    audit.append("innocent")
    audit.close()
    assert verify(log).entries == 1
    with pytest.raises(Damaged, match="the hash asked for"):
        verify(log, head=head)


@pytest.mark.parametrize("head", [b"", b"\xff", b"x y", b"00000000000000000020 " + b"0" * 64])
def test_an_edited_head_is_found(log: Path, head: bytes) -> None:
    (log / "audit.head").write_bytes(head)
    with pytest.raises(Damaged, match="audit log"):
        verify(log)
    # Without it lines cut off at the end would not be missed.
    (log / "audit.head").unlink()
    with pytest.raises(Damaged, match="audit log"):
        verify(log)


def test_a_torn_last_line_is_dropped_by_the_next_writer(log: Path) -> None:
    file = log / "audit.jsonl"
    file.write_bytes(file.read_bytes() + b'{"seq":21,"ti')
    audit = AuditLog(log)
    assert audit.append("server.start").sequence == 21
    audit.close()
    assert verify(log).entries == 21


_WRITE = """
import sys
from pathlib import Path
from synthaug_server.store.audit_log import AuditLog
audit = AuditLog(Path(sys.argv[1]))
for _ in range(50):
    audit.append("x")
audit.close()
"""


def test_two_processes_write_one_chain(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITE, tmp_path]) for _ in range(3)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert verify(tmp_path).entries == 150


def test_what_happens_is_written_down_without_names(launch: Callable[..., Running]) -> None:
    running = launch("--require-token")
    secret = synthaug("serve", "tokens", "add", "--owner", "red", "--role", "submitter",
                      "--store", str(running.store)).stdout.strip()  # fmt: skip
    with running.channel() as channel:
        refused(Client(channel).models.ListModels, model_pb2.ListModelsRequest())
        client = Client(channel, secret)
        name = client.upload(b"data").name
        client.read(name)
        client.artifacts.DeleteArtifact(artifact_pb2.DeleteArtifactRequest(name=name), timeout=60)
    running.stop()
    entries = [json.loads(line) for line in lines(running.store)]
    assert [entry["action"] for entry in entries] == [
        "server.start", "grant.add", "call.refused", "artifact.create", "artifact.read",
        "artifact.delete", "server.stop",
    ]  # fmt: skip
    assert secret not in "".join(map(str, entries))
    assert all(entry["actor"].startswith("red/") for entry in entries[3:6])
    assert verify(running.store).entries == 7
