"""Single-row inferences a second and their latency: `deltarule serve` and others that serve the same network.

    python benchmarks/serving.py --connections 64 --seconds 3 --rounds 7 --write

Each server is a process of its own; the client is this process, which keeps one request running on every connection.
Client and server share the machine's cores. In each round every server that is installed is measured once, in turn, so
that whatever else the machine does meets all of them; a ratio is the median over the rounds of ratios within a round.
FastAPI with PyTorch and Starlette with onnxruntime need these installed (and `onnx`, to write the network); all run
under uvicorn with uvloop and httptools, where these are. The network is digits' 64-128-64-10, the answer its class.
`--write` puts the table into docs/serve.md.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from operator import truediv as divide
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr

NEEDED = {
    "deltarule": ["uvicorn"],
    "fastapi-torch": ["fastapi", "torch"],
    "starlette-onnxruntime": ["onnxruntime", "onnx"],
    "uvicorn": ["uvicorn"],
}
NAMES = {
    "deltarule": "`deltarule serve`",
    "fastapi-torch": "FastAPI with PyTorch",
    "starlette-onnxruntime": "Starlette with onnxruntime",
    "uvicorn": "uvicorn alone, a constant answer",
}
PAGE = Path(__file__).parents[1] / "docs" / "serve.md"
MARKS = ("<!-- serving: begin -->\n", "<!-- serving: end -->\n")
TORCH = """
import json, sys, numpy, torch, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
torch.set_num_threads(1)
arrays = numpy.load(sys.argv[1])
layers = []
for i in range(3):
    layer = torch.nn.Linear(*arrays[f"w{i}"].shape)
    layer.weight.data, layer.bias.data = torch.tensor(arrays[f"w{i}"].T.copy()), torch.tensor(arrays[f"b{i}"])
    layers += [layer, torch.nn.ReLU()]
network = torch.nn.Sequential(*layers[:-1], torch.nn.Softmax(1)).eval()
class Rows(BaseModel):
    rows: list[list[float]]
app = FastAPI()
@app.post("/predict")
async def predict(asked: Rows):
    with torch.inference_mode():
        return {"predictions": network(torch.tensor(asked.rows)).argmax(1).tolist()}
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
"""
ONNX = """
import json, sys, numpy, onnxruntime, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options)
async def predict(request):
    rows = numpy.array(json.loads(await request.body())["rows"], numpy.float32)
    return JSONResponse({"predictions": session.run(None, {"x": rows})[0].argmax(1).tolist()})
app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
"""

CONSTANT = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] == "http":
        while (await receive()).get("more_body"): pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"19")]})
        await send({"type": "http.response.body", "body": b'{"predictions":[0]}'})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
"""


def started(name: str, folder: Path, model: dr.Model, port: int) -> subprocess.Popen[bytes]:
    """Start a server's process."""
    if name == "deltarule":
        path = model.save(folder / "digits.safetensors")
        return subprocess.Popen([sys.executable, "-m", "deltarule", "serve", str(path), "--port", str(port)])
    if name == "fastapi-torch":
        arrays = {f"{kind}{i}": pair[j] for i, pair in enumerate(model.layers) for j, kind in enumerate("wb")}
        np.savez(folder / "digits.npz", **arrays)
        return subprocess.Popen([sys.executable, "-c", TORCH, str(folder / "digits.npz"), str(port)])
    if name == "uvicorn":
        return subprocess.Popen([sys.executable, "-c", CONSTANT, str(port)])
    import onnx
    from onnx import TensorProto, helper

    nodes, constants, value = [], [], "x"
    for i, (weights, biases) in enumerate(model.layers):
        constants += [onnx.numpy_helper.from_array(weights, f"w{i}"), onnx.numpy_helper.from_array(biases, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [f"z{i}"]))
        nodes.append(helper.make_node("Relu" if i < 2 else "Softmax", [f"z{i}"], [f"a{i}"]))
        value = f"a{i}"
    ends = [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["n", k]) for each, k in (("x", 64), (value, 10))]
    made = helper.make_model(helper.make_graph(nodes, "digits", ends[:1], ends[1:], constants), ir_version=10)
    made.opset_import[0].version = 17
    onnx.save(made, folder / "digits.onnx")
    return subprocess.Popen([sys.executable, "-c", ONNX, str(folder / "digits.onnx"), str(port)])


class Connection(asyncio.Protocol):
    """A connection that sends the next request when the answer to the last one is complete."""

    def __init__(self, request: bytes, latencies: list[float], until: float) -> None:
        self.request, self.latencies, self.until = request, latencies, until
        self.buffer, self.ended = b"", asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        if not found or len(body) < int(length):
            return
        assert head.startswith(b"HTTP/1.1 200"), self.buffer
        self.latencies.append(time.perf_counter() - self.sent)
        self.buffer = b""
        if time.perf_counter() < self.until:
            self._send()
        else:
            self.transport.close()
            self.ended.set_result(None)

    def _send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.request)


async def measured(port: int, row: list[float], connections: int, seconds: float) -> list[float]:
    """Return the latencies of all requests within so many seconds."""
    body = json.dumps({"rows": [row]}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    request = head.encode() + b"\r\n\r\n" + body
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: Connection(request, latencies, until), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.ended for _, protocol in pairs))
    return latencies


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """Return a process's time on processors so far; NaN where the system does not tell."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """What was measured of one server, a value for each round; `latencies` has all, in seconds."""

    process: subprocess.Popen[bytes]
    port: int
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def wait(self) -> None:
        """Wait until the server listens."""
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            if self.process.poll() is not None:
                sys.exit(f"A server has ended: {self.process.args!r:.80}")
            time.sleep(0.05)

    def round(self, row: list[float], connections: int, seconds: float) -> None:
        """Measure for some seconds."""
        before = processor_seconds(self.process)
        found = run(measured(self.port, row, connections, seconds))
        self.busy.append(1e6 * (processor_seconds(self.process) - before) / len(found))
        self.rates.append(len(found) / seconds)
        p50, p99 = np.percentile(found, [50, 99]) * 1e3
        self.p50.append(p50)
        self.p99.append(p99)
        self.latencies += found


def run(work: Coroutine[Any, Any, list[float]]) -> list[float]:
    """Run the client, in uvloop where it is installed, so that the server is measured rather than the client."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def table(found: dict[str, Measured], chosen: argparse.Namespace) -> str:
    """Return the results as a Markdown table with a line about their circumstances."""
    lines = [
        "| server | inferences/s | ratio | median | 99th percentile | server's processor time each |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    ours = found.get("deltarule")
    for name, each in found.items():
        ratio = "" if ours is None else f"{statistics.median(map(divide, ours.rates, each.rates)):.2f}"
        p50, p99, busy = (statistics.median(values) for values in (each.p50, each.p99, each.busy))
        rate = f"{statistics.median(each.rates):,.0f}"
        lines.append(f"| {NAMES[name]} | {rate} | {ratio} | {p50:.1f} ms | {p99:.1f} ms | {busy:.0f} µs |")
    n = sum(len(each.latencies) for each in found.values())
    below = (
        f"{chosen.connections} connections, each with one request at a time; {chosen.rounds} rounds of "
        f"{chosen.seconds:g} s for each server in turn, medians of the rounds; the ratio is ours to the server's. "
        f"n = {n:,} requests. {os.cpu_count()} cores shared with the client, {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f} at the end."
    )
    return "\n".join([*lines, "", below]) + "\n"


def histogram(latencies: list[float]) -> str:
    """Return a line for each range of latencies, doubling, with its share of the requests."""
    counts = np.bincount(np.ceil(np.log2(np.maximum(np.array(latencies) * 1e3, 1))).astype(int))
    shares = 100 * counts / len(latencies)
    return "\n".join(f"  up to {2**place:5d} ms: {share:7.3f} %" for place, share in enumerate(shares) if share)


def main() -> None:
    """Measure in turns; print the table and the histograms."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--servers", nargs="+", choices=NEEDED, default=list(NEEDED))
    parser.add_argument("--write", action="store_true", help="put the table into docs/serve.md")
    chosen = parser.parse_args()
    data = dr.load_dataset("digits")
    model = dr.train(dr.Recipe(network=dr.Network(hidden=(128, 64)), epochs=5), data).model
    row = data.test.x[0].ravel().tolist()
    found: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in chosen.servers:
                missing = [each for each in NEEDED[name] if importlib.util.find_spec(each) is None]
                if missing:
                    print(f"{name}: not installed: {', '.join(missing)}")
                    continue
                port = free_port()
                found[name] = Measured(started(name, Path(folder), model, port), port)
            for each in found.values():
                each.wait()
                run(measured(each.port, row, chosen.connections, 1.0))
            for _ in range(chosen.rounds):
                for each in found.values():
                    each.round(row, chosen.connections, chosen.seconds)
        finally:
            for each in found.values():
                each.process.terminate()
                each.process.wait()
    text = table(found, chosen)
    print(text)
    for name, each in found.items():
        print(f"{NAMES[name]}:\n{histogram(each.latencies)}")
    if chosen.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
        PAGE.write_text(before + MARKS[0] + text + MARKS[1] + rest.split(MARKS[1])[1], encoding="utf-8")


if __name__ == "__main__":
    main()
