"""Downloads, from a server on this machine that can be slow, wrong, forgetful or down."""

import gzip
import os
import threading
import zlib
from dataclasses import replace
from functools import partial
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from deltarule.data import download, fetch_dataset, load_dataset
from deltarule.data.download import cache_folder, cached
from deltarule.data.idx import IDX_NAMES
from deltarule.data.sources import SOURCES, DatasetSource, SourceFile
from deltarule.errors import DataFileError

FIRST = f"{IDX_NAMES[0]}.gz"


def idx(a):
    """An IDX file of bytes."""
    return bytes([0, 0, 8, a.ndim]) + np.array(a.shape, ">u4").tobytes() + a.tobytes()


def contents():
    rng = np.random.default_rng(1)
    arrays = [
        rng.integers(0, 256, (40, 28, 28), dtype="u1"),
        np.arange(40, dtype="u1") % 10,
        rng.integers(0, 256, (10, 28, 28), dtype="u1"),
        np.arange(10, dtype="u1"),
    ]
    return {f"{name}.gz": idx(a) for name, a in zip(IDX_NAMES, arrays, strict=True)}


PLAIN = contents()
PACKED = {name: gzip.compress(content, mtime=0) for name, content in PLAIN.items()}


class Server:
    """Serves `files`; what it was asked lies in `requests`, as (path, range)."""

    def __init__(self):
        self.files = {f"/{name}": content for name, content in PACKED.items()}
        self.requests = []
        self.ranges = True  # does it know how to continue?
        self.break_after = {}  # path: so many bytes, once
        self.web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, self))
        self.web.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.web.server_port}/"
        self.thread = threading.Thread(target=partial(self.web.serve_forever, 0.01))
        self.thread.start()

    def close(self):
        self.web.shutdown()
        self.web.server_close()
        self.thread.join()


class Handler(BaseHTTPRequestHandler):
    def __init__(self, server, *arguments):
        self.plan = server
        super().__init__(*arguments)

    def log_message(self, *_):
        pass

    def do_GET(self):
        asked = self.headers.get("Range")
        self.plan.requests.append((self.path, asked))
        content = self.plan.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.plan.ranges else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: self.plan.break_after.pop(self.path, None)])


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    monkeypatch.delenv("DELTARULE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    files = tuple(
        SourceFile(name, "md5:" + md5(PACKED[name]).hexdigest(), md5(PLAIN[name]).hexdigest()) for name in PACKED
    )
    monkeypatch.setitem(SOURCES, "kmnist", DatasetSource("kmnist", (server.url,), files, tuple("abcdefghij"), "tiny"))
    yield server
    server.close()


def mirrors(monkeypatch, *urls):
    monkeypatch.setitem(SOURCES, "kmnist", replace(SOURCES["kmnist"], mirrors=urls))


def part_left(content):
    """What an interrupted download left of the first file."""
    folder = cache_folder() / "kmnist"
    folder.mkdir(parents=True)
    url = SOURCES["kmnist"].mirrors[0] + FIRST
    part = folder / f"{FIRST}.{zlib.crc32(url.encode()):08x}.part"
    part.write_bytes(content)
    return part


def test_a_set_is_downloaded_once(server):
    seen = []
    data = load_dataset("kmnist", progress=lambda *arguments: seen.append(arguments))
    assert data.source == "tiny"
    assert [len(part) for part in data.parts.values()] == [32, 8, 10]
    assert seen[-1][1:] == (len(PACKED[seen[-1][0]]),) * 2
    assert len(server.requests) == 4
    folder = fetch_dataset("kmnist")
    assert sorted(path.name for path in folder.iterdir()) == sorted(PACKED)
    load_dataset("kmnist")
    assert len(server.requests) == 4


def test_a_bar_is_shown_on_stderr(server, capsys):
    fetch_dataset("kmnist", progress=True)
    out, err = capsys.readouterr()
    assert FIRST in err
    assert out == ""


def test_a_damaged_file_in_the_cache_is_fetched_again(server):
    folder = fetch_dataset("kmnist")
    (folder / FIRST).write_bytes(PACKED[FIRST][:-9])
    assert cached(SOURCES["kmnist"]) is None
    load_dataset("kmnist")
    assert server.requests[4:] == [("/" + FIRST, None)]


def test_a_wrong_checksum_is_refused(server):
    server.files["/" + FIRST] = gzip.compress(idx(np.zeros((40, 28, 28), "u1")))
    with pytest.raises(DataFileError, match="wrong checksum"):
        load_dataset("kmnist")
    assert cached(SOURCES["kmnist"]) is None
    assert not list((cache_folder() / "kmnist").iterdir())
    server.files["/" + FIRST] = PACKED[FIRST]
    assert len(load_dataset("kmnist").test) == 10


def test_a_file_compressed_anew_is_known_by_its_content(server):
    server.files["/" + FIRST] = gzip.compress(PLAIN[FIRST], 1, mtime=9)
    assert load_dataset("kmnist").source == "tiny"
    assert cached(SOURCES["kmnist"])


def test_a_file_that_came_unpacked_is_known_by_its_content(server):
    server.files["/" + FIRST] = PLAIN[FIRST]
    assert load_dataset("kmnist").source == "tiny"


def test_a_connection_that_breaks_is_taken_up_again(server):
    server.break_after["/" + FIRST] = 20_000
    fetch_dataset("kmnist")
    assert server.requests[:2] == [("/" + FIRST, None), ("/" + FIRST, "bytes=16384-")]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_part_is_continued_and_never_taken_for_whole(server, ranges):
    server.ranges = ranges
    part = part_left(PACKED[FIRST][:7000])
    assert cached(SOURCES["kmnist"]) is None
    folder = fetch_dataset("kmnist")
    assert server.requests[0] == ("/" + FIRST, "bytes=7000-")
    assert (folder / FIRST).read_bytes() == PACKED[FIRST]
    assert not part.exists()


@pytest.mark.parametrize("left", [b"x" * 7000, b"x" * len(PACKED[FIRST]), PACKED[FIRST] + b"x" * 9])
def test_a_part_that_is_wrong_is_thrown_away(server, left):
    part = part_left(left)
    folder = fetch_dataset("kmnist")
    assert (folder / FIRST).read_bytes() == PACKED[FIRST]
    assert not part.exists()
    assert server.requests[1] == ("/" + FIRST, None)


def test_a_part_that_is_whole_needs_no_server(server):
    part_left(PACKED[FIRST])
    fetch_dataset("kmnist")
    assert ("/" + FIRST, None) not in server.requests
    assert len(server.requests) == 3


def test_the_part_of_a_killed_process_is_continued(server):
    part = part_left(PACKED[FIRST][:7000])
    killed = part.rename(part.with_name(part.name.replace(".part", ".0123.part")))
    os.utime(killed, (1, 1))
    folder = fetch_dataset("kmnist")
    assert server.requests[0] == ("/" + FIRST, "bytes=7000-")
    assert sorted(path.name for path in folder.iterdir()) == sorted(PACKED)


def test_an_interruption_leaves_a_part_to_continue(server):
    def interrupt(name, received, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_dataset("kmnist", interrupt)
    fetch_dataset("kmnist")
    assert server.requests[1] == ("/" + FIRST, "bytes=16384-")


def test_the_next_mirror_is_asked(server, monkeypatch):
    mirrors(monkeypatch, "http://127.0.0.1:9/", server.url + "elsewhere/", server.url)
    assert len(load_dataset("kmnist").test) == 10
    assert server.requests[0][0] == "/elsewhere/" + FIRST


def test_without_network_the_files_are_named(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, "http://127.0.0.1:9/")
    with pytest.raises(DataFileError) as raised:
        load_dataset("kmnist", data_dir=tmp_path)
    for word in (*PACKED, "data_dir", "DELTARULE_DATA", "http://127.0.0.1:9/"):
        assert word in str(raised.value)


def test_a_mirror_that_sends_without_end_is_left(server, monkeypatch):
    monkeypatch.setattr(download, "_LARGEST", 1000)
    with pytest.raises(DataFileError, match="more than 1,000 bytes came"):
        fetch_dataset("kmnist")


def test_a_cache_that_cannot_be_made(server, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "file" / project)
    with pytest.raises(DataFileError, match=r"a cache folder.*data_dir=folder"):
        load_dataset("kmnist")


def test_many_at_once(server):
    problems = []

    def fetch():
        try:
            fetch_dataset("kmnist")
        except DataFileError as error:
            problems.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert cached(SOURCES["kmnist"])
