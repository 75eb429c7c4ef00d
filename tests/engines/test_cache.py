"""The cache of compiled code: what is kept, what its key depends on, and which folders and files are trusted."""

import ast
import logging
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import deltarule
from deltarule.native import cache

PROGRAM = """
import deltarule as dr
from deltarule.native import processor
found, load_code = [], processor.load_code
def load(key):
    code = load_code(key)
    if code is not None:
        found.append(key)
    return code
processor.load_code = load
run = dr.train(dr.Recipe(epochs=1, stopping=None), dr.load_dataset("iris"))
from deltarule.native.cache import cache_folder
print(cache_folder(), len(found), run.model.theta.sum(), run.history[-1].train_loss)
"""
PACKAGE = Path(deltarule.__file__).parent


def start(environment=None, source=PACKAGE.parent):
    full = {**os.environ, "PYTHONPATH": str(source), **(environment or {})}
    full = {name: value for name, value in full.items() if value is not None}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=full, stdout=pipe, stderr=pipe, text=True)


def finish(process):
    """The folder, whether the loop came out of it, and figures of the run."""
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    folder, hits, *figures = output.split()
    return folder, int(hits), figures


def run(environment=None, source=PACKAGE.parent):
    return finish(start(environment, source))


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A copy of the package, and a cache that two processes have filled at the same time."""
    root = tmp_path_factory.mktemp("warm")
    shutil.copytree(PACKAGE, root / "source" / "deltarule")  # with its bytecode, which takes seconds to make
    environment = {"DELTARULE_CACHE": str(root / "cache")}
    both = [start(environment, root / "source") for _ in range(2)]
    first, second = map(finish, both)
    assert first[0::2] == second[0::2]
    return root, environment, first


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A function that gives the folder of the cache at some path, as a process that starts now would see it."""

    def found(root=tmp_path / "cache"):
        monkeypatch.setenv("DELTARULE_CACHE", str(root))
        cache.cache_folder.cache_clear()
        cache._warn_once.cache_clear()
        return cache.cache_folder()

    yield found
    cache.cache_folder.cache_clear()


def notes(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "deltarule"]


def belong_to_another(path, monkeypatch):
    """Have a path belong to a user who is neither this one nor root."""
    if os.geteuid() == 0:
        os.chown(path, 54321, -1, follow_symlinks=False)
        return
    lstat = Path.lstat

    def foreign(self):
        status = lstat(self)
        return os.stat_result((*status[:4], 54321, *status[5:10])) if self == path else status

    monkeypatch.setattr(Path, "lstat", foreign)


def test_the_second_process_finds_what_the_first_compiled(warm):
    root, environment, first = warm
    again = run(environment, root / "source")
    assert again[1] > 0
    assert again[0::2] == first[0::2]
    kept = Path(first[0])
    assert kept.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o600}


def test_a_constant_that_is_compiled_in_is_compiled_anew(warm):
    """Two columns of `Figure` change places: with the code of before, losses and errors would be exchanged."""
    root, environment, first = warm
    edited = root / "edited"
    shutil.copytree(root / "source", edited)
    problem = edited / "deltarule" / "engines" / "problem.py"
    columns = "    TRAIN_LOSS = 1\n    TRAIN_ERROR = 2\n"
    text = problem.read_text()
    assert text.count(columns) == 1
    problem.write_text(text.replace(columns, "    TRAIN_LOSS = 2\n    TRAIN_ERROR = 1\n"))
    folder, hits, figures = run(environment, edited)
    assert folder != first[0]
    assert hits == 0
    assert figures == first[2]


def imports(name):
    """The modules of the package that a module names, anywhere in it."""
    for node in ast.walk(ast.parse(sources()[name].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources():
    paths = {path.relative_to(PACKAGE.parent).with_suffix(""): path for path in PACKAGE.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in paths.items()}


def test_the_key_changes_with_every_module_that_the_engine_imports(tmp_path):
    known = sources()
    closure = {name for name in known if name.startswith("deltarule.engines.compiled")}
    waiting = list(closure)
    while waiting:
        found = {name for name in imports(waiting.pop()) if name in known and name != "deltarule"} - closure
        closure |= found
        waiting += found
    assert "deltarule.engines.problem" in closure

    package = shutil.copytree(PACKAGE, tmp_path / "deltarule", ignore=shutil.ignore_patterns("__pycache__"))
    before = cache.fingerprint(package)
    assert before == cache.fingerprint(PACKAGE)
    for name in closure:
        path = package / known[name].relative_to(PACKAGE)
        text = path.read_text()
        path.write_text(f"{text}\nADDED = 1\n")
        assert cache.fingerprint(package) != before, name
        path.write_text(text)
    assert cache.fingerprint(package) == before


def test_an_installation_that_cannot_be_written_to(warm):
    root, environment, _ = warm
    source = root / "source"
    for path in [source, *source.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert run(environment, source)[1] > 0
    finally:
        for path in [source, *source.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)


def test_without_a_place_to_write_everything_is_compiled_in_memory(tmp_path):
    """A home and a cache that cannot be made: their parent is a file."""
    wall = tmp_path / "file"
    wall.write_text("")
    nowhere = {"HOME": str(wall / "home"), "XDG_CACHE_HOME": str(wall / "cache"), "DELTARULE_CACHE": None}
    assert run(nowhere)[:2] == ("None", 0)


def test_code_comes_back_under_its_key_alone(folder, caplog):
    kept = folder()
    cache.store_code("a", b"the code of a")
    cache.store_code("b", b"the code of b")
    assert cache.load_code("a") == b"the code of a"
    assert cache.load_code("b") == b"the code of b"
    assert cache.load_code("c") is None
    assert len(list(kept.iterdir())) == 2
    assert not notes(caplog)


def test_nothing_is_kept_where_that_is_asked_for(folder, caplog):
    assert folder("") is None
    cache.store_code("a", b"code")
    assert cache.load_code("a") is None
    assert not notes(caplog)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
@pytest.mark.parametrize("above", [0, 1, 2])
def test_no_folder_on_the_way_may_be_written_to_by_others(folder, tmp_path, caplog, above, mode):
    root = tmp_path / "over" / "cache"
    kept = folder(root)
    place = [kept, *kept.parents][above]
    place.chmod(mode)
    assert folder(root) is None
    assert len(notes(caplog)) == 1
    assert f"other users can write to {place}." in notes(caplog)[0]
    place.chmod(0o1777)
    assert folder(root) == kept


@pytest.mark.parametrize("above", [0, 1, 2])
def test_no_folder_on_the_way_may_belong_to_another_user(folder, tmp_path, caplog, monkeypatch, above):
    root = tmp_path / "over" / "cache"
    kept = folder(root)
    place = [kept, *kept.parents][above]
    belong_to_another(place, monkeypatch)
    assert folder(root) is None
    assert f"{place} belongs to user 54321" in notes(caplog)[0]


def test_a_link_on_the_way_is_followed_with_the_same_care(folder, tmp_path, caplog, monkeypatch):
    open_to_all, own = tmp_path / "open", tmp_path / "own"
    (open_to_all / "cache").mkdir(parents=True)
    own.mkdir()
    (own / "good").symlink_to("place")
    (own / "place").mkdir(mode=0o700)
    (own / "bad").symlink_to(open_to_all / "cache")
    (own / "circle").symlink_to("circle")
    open_to_all.chmod(0o777)
    assert folder(own / "good") is not None
    assert not notes(caplog)
    assert folder(own / "bad") is None
    assert f"write to {open_to_all}" in notes(caplog)[0]
    assert folder(own / "circle") is None
    belong_to_another(own / "good", monkeypatch)
    assert folder(own / "good") is None
    assert f"{own / 'good'} belongs to user 54321" in notes(caplog)[-1]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o002])
def test_folders_and_files_are_private_whatever_the_umask(folder, tmp_path, umask):
    before = os.umask(umask)
    try:
        kept = folder(tmp_path / "made" / "for" / "it")
        cache.store_code("a", b"code")
    finally:
        os.umask(before)
    made = [kept, *kept.parents[:3]]
    assert [stat.S_IMODE(place.stat().st_mode) for place in made] == [0o700] * 4
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()] == [0o600]
    assert cache.load_code("a") == b"code"


def test_a_file_of_another_user_is_not_trusted(folder, caplog, monkeypatch):
    kept = folder()
    cache.store_code("a", b"code")
    (path,) = kept.iterdir()
    path.chmod(0o622)
    assert cache.load_code("a") is None
    path.chmod(0o600)
    assert cache.load_code("a") == b"code"
    belong_to_another(path, monkeypatch)
    assert cache.load_code("a") is None


def test_a_disk_that_is_full_only_costs_the_next_process_its_time(folder, caplog):
    resource = pytest.importorskip("resource")
    kept = folder()
    cache.store_code("a", b"code")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        cache.store_code("b", bytes(100_000))
        cache.store_code("c", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(notes(caplog)) == 1
    assert "cannot be kept" in notes(caplog)[0]
    assert cache.load_code("b") is None
    assert cache.load_code("a") == b"code"
    assert len(list(kept.iterdir())) == 1


@pytest.mark.parametrize("fault", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(folder, caplog, monkeypatch, fault):
    kept = folder()
    cache.store_code("a", b"code")

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[fault], fail)
        cache.store_code("a", b"other")
    assert "No space left on device" in notes(caplog)[0]
    assert cache.load_code("a") == b"code"
    assert len(list(kept.iterdir())) == 1


def test_a_cache_that_is_removed_during_a_run(folder, caplog):
    shutil.rmtree(folder())
    assert cache.load_code("a") is None
    cache.store_code("a", b"code")
    assert "cannot be kept" in notes(caplog)[0]
    kept = folder()
    kept.rmdir()
    kept.write_text("a file in its place")
    assert cache.load_code("a") is None
    cache.store_code("a", b"code")


def test_notes_are_warnings_of_the_packages_logger(folder, caplog):
    kept = folder()
    cache.store_code("a", b"code")
    next(kept.iterdir()).write_bytes(b"")
    assert cache.load_code("a") is None
    assert [(record.name, record.levelno) for record in caplog.records] == [("deltarule", logging.WARNING)]
