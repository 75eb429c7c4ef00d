"""Readers under fault: mutated files, files that are no files, files that claim or take too much."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.faults import formats, fuzz
from tests.faults.formats import CORPUS, FORMATS

import deltarule as dr
from deltarule.data.files import read_own, read_table
from deltarule.data.images import read_images
from deltarule.data.kinds import number_of
from deltarule.errors import DataFileError, DeltaruleError, ModelFileError, OutputError, RecipeError
from deltarule.regular_files import json_of, opened
from deltarule.writing import write_whole

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _at_most_a_minute():
    """A reader that waits is stopped, and fails."""

    def stopped(*_):
        raise TimeoutError("a reader that waits for ever")

    before = signal.signal(signal.SIGALRM, stopped)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module", autouse=True)
def _imported():
    """What is imported late is none of a reader's time."""
    fuzz._imported()


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_once_failed_is_read_or_refused(path, tmp_path, recwarn):
    name = path.name.partition("-")[0]
    outcome = fuzz.read(name, fuzz.prepared(name, tmp_path / name), path.read_bytes())
    assert outcome.kind in {"accepted", "refused"}, outcome.said
    assert outcome.seconds < fuzz.SECONDS
    assert outcome.megabytes < fuzz.MEGABYTES


@pytest.mark.parametrize("name", FORMATS)
def test_sound_files_are_accepted(name, tmp_path, recwarn):
    for content in FORMATS[name].seeds():
        outcome = fuzz.read(name, fuzz.prepared(name, tmp_path / name), content)
        assert outcome.kind == "accepted", outcome.said


def test_mutated_files_are_read_or_refused(tmp_path):
    signal.alarm(0)  # the fuzzer limits the time of each file
    command = [sys.executable, "-m", "tests.faults.fuzz", "--files", "2000", "--seed", "5", "--keep", tmp_path / "kept"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_fuzzer_sees_what_it_looks_for(tmp_path, monkeypatch):
    """A crash, an exception that is not ours, a slow file, a large one, a file left behind."""

    def read(path):
        what = path.read_text()
        if what == "written":
            (path.parent / "left").touch()
        if what == "raw":
            raise KeyError(what)
        if what == "unnamed":
            raise DataFileError("a file")

    monkeypatch.setitem(FORMATS, "csv", formats.Format("table.csv", read, list))
    for what in ("raw", "unnamed", "written"):
        outcome = fuzz.read("csv", fuzz.prepared("csv", tmp_path / what), what.encode())
        assert outcome.kind == ("written" if what == "written" else "raw")
    program = (
        "import sys; from tests.faults import fuzz, formats, test_readers; from pathlib import Path\n"
        "formats.FORMATS['csv'] = formats.Format('table.csv', lambda path: exec(path.read_text()), list)\n"
        "busy = 'import time\\nwhile time.process_time() < 2: pass'\n"
        "codes = ['import os; os.abort()', busy, 'x = b\"x\" * (230 << 20)', '']\n"
        "found = [fuzz._alone('csv', code.encode(), Path(sys.argv[1])) for code in codes]\n"
        "print(*(fuzz._judged(each) for each in found), found[2].megabytes > fuzz.MEGABYTES)"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=CHECKOUT, capture_output=True, text=True)
    crash, slow, large, sound, grown = done.stdout.split()
    assert (crash, slow, sound, grown) == ("crash", "slow", "accepted", "True"), done.stderr
    assert large in {"memory", "slow"}


def test_a_file_is_slow_only_if_it_is_slow_again():
    """A process that was killed once did not get the processor; one that is killed each time waits."""
    program = (
        "import tempfile, time; from pathlib import Path; from tests.faults import fuzz, formats\n"
        "began = Path(tempfile.mkdtemp()) / 'began'\n"
        "def first_waits(path):\n"
        "    if not began.exists(): began.touch(); time.sleep(60)\n"
        "fuzz._HANG = 1.5\n"
        "for read in (first_waits, lambda path: time.sleep(60)):\n"
        "    formats.FORMATS['csv'] = formats.Format('table.csv', read, lambda: [b'a'])\n"
        "    ((_, outcome, _),) = fuzz.fuzz(['csv'], 1, 0, 60.0, Path(tempfile.mkdtemp()))\n"
        "    print(outcome.kind)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.stdout.split() == ["accepted", "slow"], done.stderr


def test_no_format_is_imported_while_it_is_read(tmp_path):
    """The time of a first read is that of reading, in each process anew."""
    program = (
        "import sys; from pathlib import Path; from tests.faults import fuzz; fuzz._imported()\n"
        "from tests.faults.formats import FORMATS\n"
        "made = fuzz._seeds(list(FORMATS))\n"
        "for name in FORMATS:\n"
        "    before = set(sys.modules)\n"
        "    for content in made[name]: fuzz.read(name, fuzz.prepared(name, Path(sys.argv[1]) / name), content)\n"
        "    print(name, len(set(sys.modules) - before), *sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=CHECKOUT, capture_output=True, text=True)
    many = [line for line in done.stdout.splitlines() if int(line.split()[1]) > 20]
    assert not many, many
    assert len(done.stdout.splitlines()) == len(FORMATS), done.stderr


def refused(name, folder):
    """The sentence with which the file in a format's folder is refused, in a second."""
    began = time.process_time()
    with pytest.raises(DeltaruleError) as refusal:
        FORMATS[name].read(folder / FORMATS[name].file)
    assert time.process_time() - began < 1
    return str(refusal.value)


@pytest.mark.parametrize("name", FORMATS)
def test_a_pipe_or_a_device_is_not_waited_for(name, tmp_path):
    for kind in ("pipe", "device"):
        folder = fuzz.prepared(name, tmp_path / kind)
        path = folder / FORMATS[name].file
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")
        # Of a folder's IDX files those are looked at that are files.
        assert ("a folder without" if name == "idx" else "a device or a pipe") in refused(name, folder)


@pytest.mark.parametrize("name", FORMATS)
def test_ten_gigabytes_of_nothing_are_not_read(name, tmp_path):
    folder = fuzz.prepared(name, tmp_path / name)
    with (folder / FORMATS[name].file).open("wb") as stream:
        stream.truncate(10 << 30)
    assert FORMATS[name].file in refused(name, folder)


@pytest.mark.parametrize("file", ["networks.jsonl", "comparison.json"])
def test_a_pipe_in_the_folder_of_a_comparison(file, tmp_path):
    folder = tmp_path / "kept"
    data = dr.Dataset((np.arange(24.0).reshape(12, 2), np.array([0, 1] * 6)), validation=(np.ones((2, 2)), [0, 1]))
    recipe = dr.Recipe(network=dr.Network(hidden=(2,)), epochs=1)
    two = {"a": recipe, "b": recipe.replace(batch_size=4)}
    dr.compare(two, data, seeds=2, folder=folder, engine="reference")
    (folder / file).unlink()
    os.mkfifo(folder / file)
    with pytest.raises(OutputError, match="a device or a pipe"):
        dr.compare(two, data, seeds=2, folder=folder, engine="reference")


def test_a_sound_header_before_gigabytes_of_nothing(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(formats.safetensors()[0])
    os.truncate(path, 3 << 30)
    with pytest.raises(ModelFileError, match="claims more than its bytes hold"):
        dr.load_model(path)


DEEP = '{"a":' * 100_000 + "}" * 100_000


@pytest.mark.parametrize("name", ["readable", "recipe", "plan", "split", "jsonl"])
def test_deep_json_is_refused(name, tmp_path):
    folder = fuzz.prepared(name, tmp_path / name)
    for text in (DEEP, '{"a":' * 70 + "1" + "}" * 70):
        (folder / FORMATS[name].file).write_text(text)
        assert "64 nested levels" in refused(name, folder)


def test_deep_json_among_networks_is_a_network_that_is_not_finished(tmp_path):
    folder = fuzz.prepared("networks", tmp_path / "networks")
    content = formats.networks()[0]
    (folder / "networks.jsonl").write_bytes(DEEP.encode() + b"\n" + content + b'{"key": [')
    assert [len(network.key) for network in FORMATS["networks"].read(folder / "networks.jsonl").values()] == [24, 24]


@pytest.mark.parametrize(
    "fields",
    [
        {"variant": 5}, {"seed": "3"}, {"seed": True}, {"key": None}, {"score": "high"}, {"score": 10**400},
        {"epochs": 3}, {"best_epoch": 9}, {"curves": {}}, {"curves": []},
        {"batch_losses": None}, {"batch_losses": ["a"]}, {"more": 1},
    ],
)  # fmt: skip
def test_a_network_of_wrong_fields_is_one_that_is_not_finished(fields, tmp_path):
    folder = fuzz.prepared("networks", tmp_path / "networks")
    (folder / "networks.jsonl").write_text(json.dumps(formats.network_line() | fields))
    assert FORMATS["networks"].read(folder / "networks.jsonl") == {}


def test_json_stays_what_it_was():
    whole = {"a": [1, 2.5, None, True, "é\ud800"], "b": {}, "c": [[[]]]}
    assert json_of(json.dumps(whole)) == whole
    with pytest.raises(ValueError, match="not JSON"):
        json_of("[NaN]")
    with pytest.raises(RecipeError, match="64 nested levels"):
        dr.Recipe.from_json("[" * 100_000)


def test_a_long_cell_of_digits_takes_no_longer_than_others(tmp_path):
    digits = "1" * 130_000
    began = time.process_time()
    assert number_of(f"{digits}x") is None
    assert number_of(f"{digits}.{digits}e{digits}") is None
    assert time.process_time() - began < 0.5
    path = tmp_path / "digits.csv"
    path.write_text("a;y\n" + f"{digits}x;b\n" * 40)
    began = time.process_time()
    assert len(read_table(path)) == 40
    assert time.process_time() - began < 5


def test_one_long_label_does_not_lengthen_all(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("a,y\n" + "1,u\n" * 5_000 + f"2,{'v' * 100_000}\n")
    with pytest.raises(DataFileError, match="labels of at most 100 characters"):
        read_own(path, target="y")


def test_arrow_data_are_checked_before_they_are_used(tmp_path):
    """Codes of categories that there are not, as a damaged file has them: pyarrow reads past the end."""
    pa = pytest.importorskip("pyarrow")
    codes = pa.array([0, 1, 1_000_000], pa.int32())
    wild = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"]), safe=False)
    offsets = pa.py_buffer(struct.pack("<4i", 0, 1, 2_000_000_000, 3))
    text = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"abc")])
    for number, column in enumerate((wild, text)):
        table = pa.table({"a": column, "y": [1, 2, 3]})
        for writer in (pa.ipc.new_file, pa.ipc.new_stream):
            path = tmp_path / f"{number}.arrow"
            with writer(str(path), table.schema) as out:
                out.write_table(table)
            with pytest.raises(DataFileError, match="a whole Arrow or Feather file"):
                read_table(path)


def test_views_of_missing_strings_may_hold_anything(tmp_path):
    pa = pytest.importorskip("pyarrow")
    views = struct.pack("<i12s", 1, b"a") + struct.pack("<iiii", -65_536, 0, 2**31 - 1, 2**31 - 1)
    column = pa.Array.from_buffers(pa.string_view(), 2, [pa.py_buffer(b"\1"), pa.py_buffer(views)])
    path = tmp_path / "views.arrow"
    table = pa.table({"a": column, "y": [1, 2]})
    with pa.ipc.new_file(str(path), table.schema) as out:
        out.write_table(table)
    assert read_table(path).column("a").labels().tolist() == ["a", ""]


def test_rows_without_bytes_are_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    path = tmp_path / "nothing.arrow"
    table = pa.table({"z": pa.nulls(1 << 30), "y": pa.nulls(1 << 30)})
    with pa.ipc.new_file(str(path), table.schema) as out:
        out.write_table(table)
    with pytest.raises(DataFileError, match="in proportion"):
        read_table(path)


def test_pixels_in_proportion_to_bytes(tmp_path):
    from PIL import Image

    path = tmp_path / "grey.png"
    Image.new("L", (6000, 6000)).save(path)
    with pytest.raises(DataFileError, match="6,000 × 6,000 in"):
        read_images([path], (8, 8))
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "nan.tiff")
    with pytest.raises(DataFileError, match="NaN or infinity"):
        read_images([tmp_path / "nan.tiff"], (4, 4))


def test_what_does_not_fit_into_memory_is_said(tmp_path):
    """A process with 100 MB more than it needs to start."""
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((20_000_000, 2)))
    text = tmp_path / "table.csv"
    text.write_text("a,y\n" + "1.5,2\n" * 10)
    model = tmp_path / "model.safetensors"
    size = 200 << 20
    header = json.dumps(
        {"__metadata__": {"deltarule": "{}"}, "a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    )
    with model.open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header.encode())
        stream.truncate(8 + len(header) + size)
    program = (
        "import resource, sys\n"
        "import deltarule as dr, narwhals, safetensors.numpy, scipy.special, sklearn\n"
        "dr.load_dataset(sys.argv[1], target=-1, split='official')\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)\n"
        "for read, path in ((dr.load_dataset, sys.argv[2]), (dr.load_model, sys.argv[3])):\n"
        "    try:\n"
        "        read(path, **({'target': -1} if read is dr.load_dataset else {}))\n"
        "    except dr.DeltaruleError as error:\n"
        "        print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, text, path, model], capture_output=True, text=True, check=False
    )
    first, second = done.stdout.splitlines() or ["", done.stderr]
    assert first.startswith("DataFileError")
    assert "x.npy" in first
    assert second.startswith("ModelFileError")
    assert "model.safetensors" in second


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o002])
def test_results_have_the_permissions_that_the_umask_leaves(umask, tmp_path):
    from deltarule.figures.style import figure, save

    data = dr.Dataset((np.arange(24.0).reshape(12, 2), np.array([0, 1] * 6)), validation=(np.ones((2, 2)), [0, 1]))
    recipe = dr.Recipe(network=dr.Network(hidden=(2,)), epochs=1)
    before = os.umask(umask)
    try:
        dr.train(recipe, data, engine="reference").model.save(tmp_path / "model.safetensors")
        save(figure(2, 2), tmp_path / "picture.png")
        two = {"a": recipe, "b": recipe.replace(batch_size=4)}
        dr.compare(two, data, seeds=2, folder=tmp_path / "kept", engine="reference", keep_models=True)
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 8
    assert {path.stat().st_mode & 0o777 for path in written} == {0o666 & ~umask}


def test_a_failing_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "result.json"
    write_whole(path, b"first")
    with pytest.raises(OutputError, match="a place to write below"):
        write_whole(path / "below", b"second")
    with pytest.raises(TypeError):
        write_whole(path, "text")
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]
    assert path.read_bytes() == b"first"


def test_opening_says_what_it_met(tmp_path):
    for path, said in ((tmp_path, "a folder"), (tmp_path / "none", "nothing of that name"), ("/dev/null", "a device")):
        with pytest.raises(OSError, match=said):
            opened(path)
    (tmp_path / "large").write_bytes(bytes(11))
    with pytest.raises(OSError, match="11 bytes, more than the limit of 10"):
        opened(tmp_path / "large", 10)
