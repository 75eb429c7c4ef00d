"""Single-row inferences a second and their latency: `deltarule serve` and others that serve the same network.

    python benchmarks/serving.py --connections 64 --seconds 5 --servers deltarule fastapi-torch starlette-onnxruntime

Each server is a process of its own; the client is this process, which keeps one request running on every connection.
Client and server share the machine's cores. FastAPI with PyTorch and Starlette with onnxruntime need these installed;
what is missing is reported as such. The network is digits' 64-128-64-10.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import deltarule as dr

NEEDED = {"deltarule": ["uvicorn"], "fastapi-torch": ["fastapi", "torch"], "starlette-onnxruntime": ["onnxruntime"]}
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
        return {"probabilities": network(torch.tensor(asked.rows)).tolist()}
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
    return JSONResponse({"probabilities": session.run(None, {"x": rows})[0].tolist()})
app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
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
    import onnx
    from onnx import TensorProto, helper

    nodes, constants, value = [], [], "x"
    for i, (weights, biases) in enumerate(model.layers):
        constants += [onnx.numpy_helper.from_array(weights, f"w{i}"), onnx.numpy_helper.from_array(biases, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [f"z{i}"]))
        nodes.append(helper.make_node("Relu" if i < 2 else "Softmax", [f"z{i}"], [f"a{i}"]))
        value = f"a{i}"
    ends = [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["n", k]) for each, k in (("x", 64), (value, 10))]
    made = helper.make_model(helper.make_graph(nodes, "digits", ends[:1], ends[1:], constants))
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


def main() -> None:
    """Measure and print one line for each server."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--servers", nargs="+", choices=NEEDED, default=list(NEEDED))
    chosen = parser.parse_args()
    data = dr.load_dataset("digits")
    model = dr.train(dr.Recipe(network=dr.Network(hidden=(128, 64)), epochs=5), data).model
    row = data.test.x[0].ravel().tolist()
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.servers:
            missing = [each for each in NEEDED[name] if importlib.util.find_spec(each) is None]
            if missing:
                print(f"{name}: not installed: {', '.join(missing)}")
                continue
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            process = started(name, Path(folder), model, port)
            try:
                while socket.socket().connect_ex(("127.0.0.1", port)):
                    time.sleep(0.05)
                asyncio.run(measured(port, row, chosen.connections, 1.0))
                before = processor_seconds(process)
                latencies = asyncio.run(measured(port, row, chosen.connections, chosen.seconds))
                busy = processor_seconds(process) - before
            finally:
                process.terminate()
                process.wait()
            p50, p99 = np.percentile(latencies, [50, 99]) * 1e3
            rate = len(latencies) / chosen.seconds
            each, load = 1e6 * busy / len(latencies), os.getloadavg()[0]
            print(f"{name}: {rate:,.0f}/s, median {p50:.1f} ms, 99th percentile {p99:.1f} ms, n = {len(latencies):,}")
            print(f"  {each:.0f} µs of the server's processor time a request, load {load:.1f}")


if __name__ == "__main__":
    main()
