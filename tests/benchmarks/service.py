"""What the service costs and how fast it lets go: one figure a measure, kept beside its target.

Run: python tests/benchmarks/service.py measure [NAME ...] [--out FILE]
     python tests/benchmarks/service.py table [--out FILE]

Servers run as processes of their own on loopback, clients in this one. Each measure writes a
line of JSON; the table takes the newest line of each name.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE / "service"), str(HERE.parent)]
RESULTS = HERE.parent / "docs/benchmarks/service.jsonl"
STREAMED = 1_000_000


def gone(process):
    """Seconds until a process has ended."""
    began = time.perf_counter()
    while Path(f"/proc/{process}/stat").exists():
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        if words[0] in "ZX" or time.perf_counter() - began > 30:
            break
        time.sleep(0.001)
    return time.perf_counter() - began


def busy(process):
    """Nanoseconds that a process's first thread, which draws, has run."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0])


def idle_after(process):
    """Seconds until a process uses no processor time for a third of a second."""
    began = last = time.perf_counter()
    used = busy(process)
    while time.perf_counter() - last < 0.33:
        time.sleep(0.002)
        now = busy(process)
        if now > used:
            used, last = now, time.perf_counter()
    return last - began


class Sampling:
    """A server with a small generator, loaded."""

    def __init__(self, *options):
        import test_sampling
        from running import Client, Running

        self.folder = tempfile.TemporaryDirectory()
        place = Path(self.folder.name)
        self.server = Running(place / "store", *options)
        (place / "model").mkdir()
        self.model = test_sampling.plant(
            self.server, test_sampling.tiny(), place / "model", "planted"
        )
        self.channel = self.server.channel()
        self.client = Client(self.channel)
        self.tests = test_sampling
        for _ in range(5):
            self.draw()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
        self.server.stop()
        self.folder.cleanup()

    def draw(self, client=None, **fields):
        call = (client or self.client).augmentation.SampleImages
        return call(self.tests.asked(self.model, **fields), timeout=120)

    def stream(self, client=None, **named):
        from synthaug.v1 import augmentation_pb2, media_pb2

        request = augmentation_pb2.StreamSamplesRequest(
            model=self.model, class_name="dark", count=STREAMED,
            format=media_pb2.IMAGE_FORMAT_RGB8,
        )  # fmt: skip
        return (client or self.client).augmentation.StreamSamples(request, **named)

    def worker(self):
        """The process that holds the model: the one that has more to do when it is asked."""
        now, before = self.spent(), None
        while now != before:  # until the spare is warm and idle
            time.sleep(1.5)
            before, now = now, self.spent()
        for _ in range(50):
            self.draw()
        return max(now, key=lambda process: busy(process) - now[process])

    def spent(self):
        """What each worker has run."""
        return {process: busy(process) for process in self.tests.workers(self.server)}


def unary():
    """A call through a worker, one image of 16 pixels."""
    with Sampling() as one:
        times, worker, cpu = [], one.worker(), one.tests.cpu
        used = cpu(one.server.process.pid), cpu(worker)
        for n in range(400):
            began = time.perf_counter()
            one.draw(seed=n)
            times.append(time.perf_counter() - began)
        front, behind = cpu(one.server.process.pid) - used[0], cpu(worker) - used[1]
    times.sort()
    # Processor time does not depend on who else uses the machine.
    return {
        "p50_ms": times[200] * 1e3, "p99_ms": times[395] * 1e3,
        "front_cpu_ms": front / 400 * 1e3, "worker_cpu_ms": behind / 400 * 1e3,
    }  # fmt: skip


def letting_go():
    """From a cancel, a deadline or the end of a client to a worker that does nothing."""
    found = {}
    with Sampling() as one:
        worker = one.worker()

        def cancelled():
            stream = one.stream()
            [next(stream) for _ in range(20)]
            stream.cancel()

        def late():
            try:
                list(one.stream(timeout=0.5))
            except Exception:
                return

        def killed():
            code = "import sys, service; service.read(*sys.argv[1:])"
            process = subprocess.Popen(
                [sys.executable, "-c", code, one.server.address, one.model],
                stdout=subprocess.PIPE, cwd=Path(__file__).parent,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )  # fmt: skip
            process.stdout.readline()
            process.kill()
            process.wait()

        for name, act in (("cancel", cancelled), ("deadline", late), ("killed client", killed)):
            times = []
            for _ in range(5):
                before = busy(worker)
                act()
                assert busy(worker) > before, name
                times.append(idle_after(worker))
            found[f"{name}_ms"] = statistics.median(times) * 1e3
    found["cancelled_job_ms"] = cancelled_job()
    return found


def read(address, model):
    """A client that reads a stream until it is killed."""
    import grpc
    from running import Client

    from synthaug.v1 import augmentation_pb2

    with grpc.insecure_channel(address) as channel:
        request = augmentation_pb2.StreamSamplesRequest(
            model=model, class_name="dark", count=STREAMED
        )
        for number, _ in enumerate(Client(channel).augmentation.StreamSamples(request)):
            if number == 20:
                print("reading", flush=True)


def cancelled_job():
    """From CancelOperation to the end of the job's process, milliseconds."""
    import test_engine
    from google.longrunning import operations_pb2
    from running import Client, Running

    with tempfile.TemporaryDirectory() as folder:
        server = Running(Path(folder) / "store")
        with server.channel() as channel:
            client = Client(channel)
            name = test_engine.endless(client)
            test_engine.until(
                lambda: test_engine.get(client, name)[1].progress.phase == "train", 400
            )
            (child,) = test_engine.running(server, test_engine.CHILD)
            client.operations.CancelOperation(operations_pb2.CancelOperationRequest(name=name))
            seconds = gone(child)
        server.stop()
    return seconds * 1e3


def death():
    """From the death of a worker to the answer of a waiting call, and to the next success."""
    answers, nexts = [], []
    with Sampling() as one:
        for _ in range(4):
            worker, stream = one.worker(), one.stream()
            next(stream)
            os.kill(worker, 9)
            began = time.perf_counter()
            try:
                list(stream)
            except Exception:
                answers.append(time.perf_counter() - began)
            one.draw()
            nexts.append(time.perf_counter() - began)
    return {
        "answer_s": statistics.median(answers), "next_success_s": statistics.median(nexts)
    }  # fmt: skip


def batching():
    """Images a second of 16 clients that ask for one at a time, batched and not."""
    found = {}
    for name, options in (("batched", ()), ("alone", ("--batch-images", "1"))):
        with Sampling(*options) as one:
            end = time.perf_counter() + 6
            counts = [0] * 16

            def ask(n, end=end, counts=counts, one=one):
                while time.perf_counter() < end:
                    one.draw(seed=n)
                    counts[n] += 1

            threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            found[f"{name}_per_s"] = sum(counts) / 6
    found["ratio"] = found["batched_per_s"] / found["alone_per_s"]
    return found


@contextlib.contextmanager
def litserve(*words):
    """A port of LitServe that answers, and its process; LITSERVE_PYTHON is one that has it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(__file__).with_name("service_rival.py")
    theirs = subprocess.Popen(
        [os.environ["LITSERVE_PYTHON"], str(program), str(port), *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 200
        while True:
            try:
                ask_litserve(http.client.HTTPConnection("127.0.0.1", port), seed=0, count=8)
                break
            except (OSError, http.client.HTTPException, AssertionError):
                assert time.monotonic() < end
                time.sleep(0.5)
        yield port, theirs.pid
    finally:
        os.killpg(theirs.pid, 9)
        theirs.wait()


def ask_litserve(connection, **fields):
    body = json.dumps(fields)
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read()


def rival():
    """Calls a second of 16 clients: LitServe's and ours, in turns."""
    rates = {"litserve": [], "ours": []}
    with litserve() as (port, _), Sampling() as one:
        one.worker()
        for _ in range(3):
            rates["ours"].append(rate(lambda _: one.draw, lambda draw, n: draw(seed=n)))
            rates["litserve"].append(
                rate(
                    lambda _: http.client.HTTPConnection("127.0.0.1", port),
                    lambda connection, n: ask_litserve(connection, seed=n),
                )
            )
    ours, others = (statistics.median(rates[name]) for name in ("ours", "litserve"))
    return {"ours_per_s": ours, "litserve_per_s": others, "ratio": ours / others}


def rival_left():
    """How long a worker goes on for a client that left a stream of 40,000 images after a few."""
    from test_engine import below

    with litserve("stream") as (port, process):
        workers = {child: busy(child) for child in below(process)}
        connection = http.client.HTTPConnection("127.0.0.1", port)
        body = json.dumps({"count": 40_000})
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read(8192)
        worker = max(workers, key=lambda child: busy(child) - workers[child])
        answer.close()
        connection.close()
        theirs = idle_after(worker)
        began = time.perf_counter()
        ask_litserve(http.client.HTTPConnection("127.0.0.1", port), count=8)
        then = time.perf_counter() - began
    with Sampling() as one:
        worker = one.worker()
        stream = one.stream()
        [next(stream) for _ in range(20)]
        stream.cancel()
        ours = idle_after(worker)
    return {"litserve_s": theirs, "litserve_next_s": then, "ours_s": ours}


def uploading():
    """MiB of 1 MiB chunks taken in, checked and synced a second of the server's processor time."""
    import grpc
    from running import Client, Running, certificates, synthaug

    found = {}
    data = os.urandom(256 << 20)
    for name in ("plain", "mtls"):
        with tempfile.TemporaryDirectory() as place:
            folder, options = Path(place), ()
            if name == "mtls":
                certificates(folder, "server", "client")
                synthaug(
                    "serve", "tokens", "add", "--owner", "a", "--role", "submitter",
                    "--certificate", "client", "--store", str(folder / "store"),
                )  # fmt: skip
                options = (
                    "--tls-cert", str(folder / "server.pem"), "--tls-key",
                    str(folder / "server.key"), "--client-ca", str(folder / "ca.pem"),
                )  # fmt: skip
            server = Running(folder / "store", *options)
            if name == "mtls":
                ca, key, chain = (
                    (folder / file).read_bytes() for file in ("ca.pem", "client.key", "client.pem")
                )
                credentials = grpc.ssl_channel_credentials(ca, key, chain)
                address = server.address.replace("127.0.0.1", "localhost")
                channel = grpc.secure_channel(address, credentials)
            else:
                channel = server.channel()
            with channel:
                client = Client(channel)
                client.upload(data[: 8 << 20])
                rates = []
                for _ in range(3):
                    used = server.cpu_seconds
                    client.upload(data)
                    rates.append(256 / (server.cpu_seconds - used))
                found[f"{name}_mib_per_cpu_s"] = statistics.median(rates)
            server.stop()
    return found


def rate(connect, ask, seconds=5):
    """Calls a second of 16 threads."""
    end = time.perf_counter() + seconds
    counts = [0] * 16

    def work(n):
        with_it = connect(n)
        while time.perf_counter() < end:
            ask(with_it, n)
            counts[n] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sum(counts) / seconds


def accepting():
    """Jobs accepted a second over the socket, by 16 callers, nothing running them."""
    from cluster import postgres

    found = {"sqlite_per_s": accepted()}
    with postgres() as address:
        found["postgres_per_s"] = accepted("--jobs", address)
    return found


def accepted(*options):
    from running import Client, Running

    from synthaug.v1 import augmentation_pb2

    with tempfile.TemporaryDirectory() as folder:
        server = Running(
            Path(folder) / "store", "--queue", "100000", "--owner-jobs", "100000", *options,
            environment={"SYNTHAUG_SERVER_WITHOUT_ENGINE": "1"},
        )  # fmt: skip
        with server.channel() as channel:
            client = Client(channel)
            request = augmentation_pb2.CreateAugmentJobRequest()
            request.dataset.artifacts.append(client.upload(b"tar").name)

            def submit(_):
                mine = augmentation_pb2.CreateAugmentJobRequest()
                mine.CopyFrom(request)
                mine.request_id = str(uuid.uuid4())
                client.augmentation.CreateAugmentJob(mine, timeout=60)

            with concurrent.futures.ThreadPoolExecutor(16) as threads:
                list(threads.map(submit, range(50)))
                began = time.perf_counter()
                list(threads.map(submit, range(500)))
                spent = time.perf_counter() - began
        server.stop()
    return 500 / spent


def memory():
    """Proportional resident memory of a server that nobody has asked for anything."""
    import test_engine
    from running import Running

    with tempfile.TemporaryDirectory() as folder:
        server = Running(Path(folder) / "store")
        time.sleep(3)

        def pss(process):
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            return int(text.split("Pss:")[1].split()[0]) / 1024

        (engine,) = test_engine.running(server, test_engine.ENGINE)
        found = {
            "front_mib": pss(server.process.pid), "engine_mib": pss(engine),
            "seconds_to_serving": server.seconds,
        }  # fmt: skip
        server.stop()
    return found


def lone_work():
    """What anonymizing through the client takes beyond the same call in a process of its own.

    Both begin in a process that has loaded nothing. Processor time is that of every process there
    is on either side; it depends less on who else uses the machine than time on the wall does.
    """
    from running import Running

    source = Path(os.environ["SYNTHAUG_CLIP"])
    alone = "import sys, synthaug\nsynthaug.anonymize(sys.argv[1], sys.argv[2], seed=1)"
    served = (
        "import sys\nfrom synthaug.client import connect\n"
        "with connect(sys.argv[3]) as client:\n"
        "    client.anonymize(sys.argv[1], sys.argv[2], seed=1)"
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        server = Running(place / "store")

        def timed(code, name):
            """Wall and processor seconds of a process, what it started, and the server."""
            words = [sys.executable, "-c", code, str(source), str(place / name), server.address]
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            behind = spent_by(server.process.pid)
            done = subprocess.run(words, check=False, stdout=subprocess.DEVNULL)
            assert done.returncode == 0, (server.process.poll(), server.errors.read_text())
            wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return wall, cpu + spent_by(server.process.pid) - behind

        pairs = []
        for n in range(3):
            pairs.append((timed(alone, f"{n}.alone.mp4"), timed(served, f"{n}.served.mp4")))
            print(pairs[-1], file=sys.stderr)
        server.stop()
    walls, cpus = (
        [statistics.median(pair[side][kind] for pair in pairs) for side in (0, 1)]
        for kind in (0, 1)
    )
    return {
        "clip": source.name, "alone_s": walls[0], "served_s": walls[1],
        "overhead": walls[1] / walls[0] - 1, "alone_cpu_s": cpus[0], "served_cpu_s": cpus[1],
        "cpu_overhead": cpus[1] / cpus[0] - 1,
    }  # fmt: skip


def around_work():
    """Of anonymizing through the client, what is not the job's worker: all that the service adds.

    From the start of the client's process to its end, less the time between the start and the end
    of the job. The difference of two runs drowns in the noise of a shared machine, this does not.
    """
    import datetime

    import test_engine
    from google.longrunning import operations_pb2
    from running import Client, Running

    from synthaug.v1 import job_pb2

    source = Path(os.environ["SYNTHAUG_CLIP"])
    with tempfile.TemporaryDirectory() as folder:
        server = Running(Path(folder) / "store")
        began = time.perf_counter()
        words = ["--server", server.address, "anonymize", str(source), "--seed", "1"]
        code = "from synthaug.cli import main; main()"
        out = ["-o", str(Path(folder) / "out.mp4")]
        done = subprocess.run([sys.executable, "-c", code, *words, *out], stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - began
        with server.channel() as channel:
            asked = operations_pb2.ListOperationsRequest()
            (operation,) = Client(channel).operations.ListOperations(asked).operations
            about = job_pb2.JobMetadata()
            operation.metadata.Unpack(about)
        (engine,) = test_engine.running(server, test_engine.ENGINE)
        beside = sum(own_cpu(process) for process in (server.process.pid, engine))
        server.stop()
    start, end = (
        each.ToDatetime(datetime.UTC).timestamp() for each in (about.start_time, about.end_time)
    )
    outside = wall - (end - start)
    return {
        "clip": source.name, "exit_code": done.returncode, "served_s": wall,
        "worker_s": end - start, "outside_s": outside, "share": outside / (end - start),
        "front_and_engine_cpu_s": beside, "cpu_share": beside / (end - start),
    }  # fmt: skip


def own_cpu(process):
    """Processor seconds of a process alone."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def spent_by(process):
    """Processor seconds of a process, of all below it, and of those of them that have ended."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
    below = " ".join(p.read_text() for p in Path(f"/proc/{process}/task").glob("*/children"))
    return ticks + sum(spent_by(int(child)) for child in below.split())


MEASURES = {
    f.__name__: f
    for f in (
        unary,
        letting_go,
        death,
        batching,
        accepting,
        uploading,
        memory,
        rival,
        rival_left,
        lone_work,
        around_work,
    )
}  # fmt: skip
ROWS = [
    ("unary call through a worker, p50", "≤ 5 ms", "unary",
     "{p50_ms:.1f} ms (p99 {p99_ms:.1f}; processor time: front {front_cpu_ms:.1f}, "
     "worker {worker_cpu_ms:.1f})"),
    ("cancelled stream → worker idle", "≤ 250 ms", "letting_go", "{cancel_ms:.0f} ms"),
    ("deadline passed → worker idle", "≤ 250 ms", "letting_go", "{deadline_ms:.0f} ms"),
    ("client killed → worker idle", "≤ 250 ms", "letting_go", "{killed client_ms:.0f} ms"),
    ("cancelled job → its process gone", "≤ 250 ms", "letting_go", "{cancelled_job_ms:.0f} ms"),
    ("worker killed → answer with ErrorInfo", "≤ 0.3 s", "death", "{answer_s:.2f} s"),
    ("worker killed → next success, warm spare", "≤ 1 s", "death", "{next_success_s:.2f} s"),
    ("jobs accepted per second, SQLite WAL", "≥ 50", "accepting", "{sqlite_per_s:.0f}"),
    ("jobs accepted per second, PostgreSQL", "≥ 200", "accepting", "{postgres_per_s:.0f}"),
    ("batching at 16 clients, CPU", "≥ 1.6x", "batching",
     "{ratio:.1f}x ({alone_per_s:.0f} → {batched_per_s:.0f} calls/s)"),
    ("the same endpoint in LitServe, 16 clients", "≥ 1x its throughput", "rival",
     "{ratio:.1f}x ({litserve_per_s:.0f} → {ours_per_s:.0f} calls/s)"),
    ("client leaves a stream → worker idle: LitServe, ours", "it stops where theirs does not",
     "rival_left", "{litserve_s:.1f} s (its next answer {litserve_next_s:.1f} s later), "
     "{ours_s:.2f} s"),
    ("upload of 1 MiB chunks with CRC and fsync, per server CPU second", "≥ 400 MiB", "uploading",
     "{plain_mib_per_cpu_s:.0f} MiB ({mtls_mib_per_cpu_s:.0f} with mTLS)"),
    ("idle memory, front + engine", "≤ 80 MiB", "memory", "{front_mib:.0f} + {engine_mib:.0f} MiB"),
    ("start to SERVING", "≤ 1.5 s", "memory", "{seconds_to_serving:.1f} s"),
    ("service over the local call, anonymizing a 360p clip", "≤ 5 %", "lone_work",
     "{overhead:.1%} ({alone_s:.1f} → {served_s:.1f} s; processor time {cpu_overhead:.1%}: "
     "{alone_cpu_s:.1f} → {served_cpu_s:.1f} s)"),
    ("of such a call, all that is not the job's worker", "≤ 5 %", "around_work",
     "{share:.1%} ({outside_s:.1f} s beside {worker_s:.1f} s; meanwhile front and engine ran "
     "{front_and_engine_cpu_s:.1f} s, {cpu_share:.1%})"),
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=("measure", "table"))
    parser.add_argument("names", nargs="*", help=", ".join(MEASURES))
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.do == "measure":
        for name in asked.names or MEASURES:
            line = {"name": name, "load": os.getloadavg()[0], **MEASURES[name]()}
            print(json.dumps(line), flush=True)
            with asked.out.open("a") as out:
                out.write(json.dumps(line) + "\n")
        return
    lines = [json.loads(line) for line in asked.out.read_text().splitlines()]
    known = {line["name"]: line for line in lines}
    print("| what | target | measured | load |\n|---|---|---|---|")
    for what, target, name, text in ROWS:
        line = known.get(name)
        told = text.format(**line) if line else "not measured"
        load = f"{line['load']:.0f}" if line else ""
        print(f"| {what} | {target} | {told} | {load} |")


if __name__ == "__main__":
    main()
