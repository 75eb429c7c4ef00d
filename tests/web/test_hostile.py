"""Hostile and broken clients: an error in time, memory within bounds, and answers afterwards."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest
from tests.web.conftest import Client, running

from deltarule.errors import DeltaruleError
from deltarule.web.limits import Limits
from deltarule.web.serving import Address

TOKEN = "a-token-of-the-tests-0123456789"
QUICK = Limits(
    body_bytes=20_000, held_bytes=100_000, head_bytes=4_000, head_seconds=0.4, body_seconds=0.4, send_seconds=0.4,
    connections=20, rows=50, queued_rows=100,
)  # fmt: skip


@pytest.fixture(scope="module")
def small(models):
    with running({"iris": models["iris"]}, QUICK) as found:
        yield found


@pytest.fixture(autouse=True)
def still_answering(small):
    yield
    assert small.json("/predict", {"rows": [[5.1, 3.5, 1.4, 0.2]]})[0] == 200
    until = time.monotonic() + 5
    while small.app.held and time.monotonic() < until:  # a connection that a test closed ends a moment later
        time.sleep(0.01)
    assert small.app.held == 0


def raw(client, data, seconds=10):
    """Send bytes; return all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=seconds) as connection:
        connection.sendall(data)
        found = b""
        while part := connection.recv(65536):
            found += part
    return found


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"rows"', b"\xff\xfe", b"[" * 3000, b'{"rows": NaN}', b'{"rows": [[NaN, 1, 2, 3]]}',
        b'{"rows": [[1e999, 1, 2, 3]]}', b'{"rows": []}', b'{"rows": [[]]}', b'{"rows": [[1, 2, 3]]}',
        b'{"rows": [[1, 2, 3, 4], [1]]}', b'{"rows": [["a", "b", "c", "d"]]}', b'{"rows": [[null, 1, 2, 3]]}',
        b'{"rows": [{"a": 1}]}', b'{"rows": [1, 2, 3, 4]}', b'{"rows": {"a": [1]}}',
        b'{"rows": [[1, 2, 3, 4]], "x": 1}',
        b'{"rows": [[1, 2, 3, 4]], "model": 3}', b'{"rows": [[1, 2, 3, 4]], "interval": 7}',
        b'{"rows": [[1, 2, 3, 4]], "probabilities": "yes"}', b'{"rows": [[1, 2, 3, ' + b"9" * 4000 + b"]]}",
        b'{"rows": [[[1, 2], [3, 4]]]}', b'{"rows": [[true, "1", 2, 3]]}',
    ],
)  # fmt: skip
def test_invalid_bodies(small, body):
    status, answer = small.json("/predict", body, method="POST", headers={"Content-Type": "application/json"})
    assert status == 400
    assert answer["error"].startswith("Expected")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"shape": [2, 4]}, "values"), ({"shape": [-1, 4]}, "shape"), ({"shape": [1, 4.0]}, "shape"),
        ({"shape": []}, "shape"), ({"datatype": "FP8"}, "datatype"), ({"datatype": {}}, "datatype"),
        ({"data": 3}, "data"), ({"data": [1, 2]}, "values"),
        ({"data": ["a", "b", "c", "d"]}, "numbers"), ({"datatype": "INT8", "data": [300, 1, 2, 3]}, "INT8"),
        ({"datatype": "INT8", "data": [0.5, 1, 2, 3]}, "integers"), ({"data": [[1, 2], [3]]}, "many"),
        ({"datatype": "BYTES"}, "text"), ({"shape": [4], "data": [1, 2, 3, 4]}, "shape"),
        ({"datatype": "BOOL", "data": [2, 1, 0, 1]}, "true"), ({"datatype": "FP16", "data": [1e9, 1, 2, 3]}, "finite"),
        ({"shape": [10**30, 4]}, "values"), ({"shape": [0, 4], "data": []}, "row"),
    ],
)  # fmt: skip
def test_invalid_tensors(small, change, word):
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4], **change}
    status, answer = small.json("/v2/models/iris/infer", {"inputs": [tensor]})
    assert status == 400
    assert word in answer["error"]


def test_requests_that_are_too_large(small):
    assert small.json("/predict", {"rows": [[1, 2, 3, 4]] * 51})[0] == 413
    assert small.ask("/predict", b"x" * 20_001)[0] == 413
    chunks = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks += (b"1000\r\n" + b"x" * 0x1000 + b"\r\n") * 6
    assert b" 413 " in raw(small, chunks)
    declared = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n"
    assert b" 413 " in raw(small, declared) or b" 400 " in raw(small, declared)


def test_unknown_paths_and_methods(small):
    for path, method, status in (
        ("/nothing", "GET", 404), ("/v2/models/other", "GET", 404), ("/predict", "GET", 405), ("/", "DELETE", 405),
        ("/static/../application.py", "GET", 404), ("/static/%2e%2e/application.py", "GET", 404),
    ):  # fmt: skip
        found, answer = small.json(path, method=method)
        assert found == status
        assert "error" in answer
    assert small.json("/predict", b"<rows/>", headers={"Content-Type": "text/xml"})[0] == 415


def test_slow_headers_and_bodies_end(small):
    start = time.perf_counter()
    assert raw(small, b"GET / HTTP/1.1\r\nHost: loc") == b""
    assert raw(small, b"") == b""
    part = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    assert b" 408 " in raw(small, part)
    assert time.perf_counter() - start < 5


def test_long_headers_end(small):
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Long: " + b"x" * 100_000
    with contextlib.suppress(ConnectionError):  # the server closes before it has read everything
        assert b"200" not in raw(small, request)


@pytest.mark.parametrize(
    "data", [b"\0" * 100, b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\n: x\r\n\r\n"]
)
def test_what_is_not_http(small, data):
    assert b" 200 " not in raw(small, data)


def test_a_client_that_does_not_read(small):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", small.port))
        connection.settimeout(10)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with pytest.raises(OSError):  # noqa: PT012 - the server ends the connection at any of the two
            for _ in range(5000):
                connection.sendall(request)
            time.sleep(3)
            connection.sendall(request)
            connection.sendall(request)


def test_requests_that_wait_for_earlier_answers_are_bounded(small):
    asks = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert raw(small, 10 * asks + asks.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).count(b" 200 OK") == 11
    found = b""
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", small.port), 10) as connection:
        connection.sendall(3000 * asks)
        while part := connection.recv(65536):
            found += part
    assert found.count(b" 200 OK") <= 64


def test_more_connections_than_allowed(small):
    opened = [socket.create_connection(("127.0.0.1", small.port), timeout=5) for _ in range(100)]
    try:
        time.sleep(0.1)
        refused = opened[-1].recv(1000)
        assert b" 503 " in refused
        assert json.loads(refused.partition(b"\r\n\r\n")[2])["error"]
    finally:
        for each in opened:
            each.close()
    time.sleep(0.2)


def test_another_site_is_refused(small):
    for headers in ({"Host": "evil.example"}, {"Host": "localhost.evil.example"}, {"Origin": "http://evil.example"}):
        assert small.json("/predict", {"rows": [[1, 2, 3, 4]]}, headers=headers)[0] == 403
    assert small.json("/predict", {"rows": [[1, 2, 3, 4]]}, headers={"Origin": "null"})[0] == 403
    own = {"Host": "localhost:1", "Origin": "http://localhost:1"}
    assert small.json("/predict", {"rows": [[1, 2, 3, 4]]}, headers=own)[0] == 200
    twice = b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n"
    assert b" 400 " in raw(small, twice)


def test_a_token(models):
    with running({"iris": models["iris"]}, token=TOKEN) as client:
        assert client.json("/models")[0] == 401
        assert client.json("/models", headers={"Authorization": "Bearer another"})[0] == 401
        assert client.json("/models", headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200
        assert client.json("/v2/health/live")[0] == 200
        assert client.ask("/?token=another")[0] == 401
        status, _, headers = client.ask(f"/?token={TOKEN}")
        assert (status, headers["location"]) == (303, "/")
        assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in headers["set-cookie"].split(";")}
        assert client.json("/models", headers={"Cookie": headers["set-cookie"].partition(";")[0]})[0] == 200


def test_other_machines_need_a_token():
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        with pytest.raises(DeltaruleError, match="Try: --token"):
            Address(host)
    assert Address("0.0.0.0", token=TOKEN).url(80).endswith(TOKEN)
    for token in ("short", "spaces are no token characters", "x" * 300):
        with pytest.raises(DeltaruleError, match="letters, digits"):
            Address(token=token)


def test_memory_is_bounded(small):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        small.ask("/predict", b"[" * 19_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_command(models, number, tmp_path):
    command = [sys.executable, "-m", "deltarule", "serve", f"a={models['iris']}", "--port", "0", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=os.environ
    ) as process:
        address = json.loads(process.stdout.readline())
        assert address["models"] == ["a"]
        port = int(address["url"].rstrip("/").rpartition(":")[2])
        client = Client(port)
        race = client.json("/race/start", {"variants": [{}, {}], "epochs": 2000, "seeds": 5})[1]["id"]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as watching:
            watching.sendall(f"GET /race/{race}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert b" 200 " in watching.recv(1000)
            process.send_signal(number)
            assert process.wait(10) == 0
        assert process.stderr.read() == ""
