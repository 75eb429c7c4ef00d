"""The formats that deltarule reads: small sound files of each, from the package's own writers, and how they are read.

A format's folder holds the file that is read and what has to lie beside it.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import deltarule as dr
from deltarule import mapped
from deltarule.cli.prediction_samples import samples_in
from deltarule.cli.recipe_options import read_recipe
from deltarule.data.files import read_own
from deltarule.data.idx import IDX_NAMES, read_idx_folder
from deltarule.data.images import read_images
from deltarule.models import layer_table, load_model
from deltarule.models.ensemble import Ensemble
from deltarule.models.importing import import_model
from deltarule.studies.compare.folder import ComparisonFolder
from deltarule.training.checkpoint import Checkpoint
from deltarule.training.folder import model_path, split_of

CORPUS = Path(__file__).parent / "corpus"
"""Mutated files that once crashed a reader, or gave an exception of another library: FORMAT-WHAT.SUFFIX each."""

DIGEST, SPLIT_NAMES = "d" * 64, ("validation", "test")


@dataclass(frozen=True)
class Format:
    """A kind of file.

    file : its name in the folder. read : what is done with its path. beside : other files of the folder.
    """

    file: str
    read: Callable[[Path], Any]
    seeds: Callable[[], list[bytes]]
    beside: Mapping[str, bytes] = field(default_factory=dict)


def _table(path: Path) -> Any:
    return read_own(path, target=-1)


def _large_table(path: Path) -> Any:
    """As a file is read that is too large for memory."""
    with patch.object(mapped, "MAPPED_FROM", 0):
        return read_own(path, target=-1)


def _arrays(path: Path) -> Any:
    return read_own(path)


def _image(path: Path) -> Any:
    return read_images([path], (4, 4))


def _model(path: Path) -> Any:
    model = load_model(model_path(path))
    return repr(model), layer_table(model)


def _ensemble(path: Path) -> Any:
    """As the estimators for tables read a file; what one accepts also predicts."""
    ensemble = Ensemble.load(path)
    if ensemble.encoding is None:
        return repr(ensemble), ensemble.card()
    for estimator in (dr.TabularClassifier, dr.TabularRegressor):
        if (ensemble.classes is not None) == hasattr(estimator, "predict_proba"):
            loaded = estimator.load(path)
    rows = [dict.fromkeys(ensemble.columns)] * 2
    return repr(loaded), ensemble.encoding.table(rows)


def _imported(path: Path) -> Any:
    return repr(import_model(path, activation="relu"))


def _run_folder(path: Path) -> Any:
    return split_of(path.parent, "digits", SPLIT_NAMES), read_recipe(path.parent)


def _comparison(path: Path) -> Any:
    return ComparisonFolder.open(path.parent, DIGEST).networks()


def delimited() -> list[bytes]:
    rows = (
        'age,sex,born,member,y\n39,F,1999-12-31,yes,a\n1.5e3,M,2001-01-01 10:00,no,b\n,"x, ""y""",?,yes,a\n-4,F,,no,b\n'
    )
    decimal = "a;b\n1,5;x\n-2,25;y\n3,0;x\n"
    bare = "1,2,0\n3,4,1\n5.5,6,0\n"
    texts = [rows.encode(), decimal.encode(), bare.encode(), rows.replace(",", "\t").encode()]
    return [*texts, rows.encode("utf-16"), b"\xef\xbb\xbf" + rows.encode(), gzip.compress(rows.encode(), mtime=0)]


def json_lines() -> list[bytes]:
    first = '{"age": 39, "sex": "F", "y": "a"}\n{"age": null, "y": "b"}\n{"sex": "\\u00e9", "age": -1.5e3, "y": "a"}\n'
    return [first.encode(), b'{"a": true, "y": 1}\n{"a": false, "y": 2.5}\n', gzip.compress(first.encode(), mtime=0)]


def _frame() -> Any:
    import pyarrow as pa

    born = pa.array([0, 86_400_000_000, None], pa.timestamp("us"))
    words = pa.array(["x", None, "z"]).dictionary_encode()
    columns = {
        "a": [1.5, None, 3.0],
        "n": [1, 2, 3],
        "b": [True, None, False],
        "d": words,
        "t": born,
        "y": ["u", "v", "u"],
    }
    return pa.table(columns)


def _further_types() -> list[Any]:
    """Tables of types that a data frame seldom has, each with a missing value."""
    import datetime as dt
    from decimal import Decimal

    import pyarrow as pa

    day, moment = dt.date(2020, 2, 29), dt.datetime(2020, 2, 29, 12, tzinfo=dt.UTC)
    numbers = {
        "half": pa.array([np.float16(1.5), None], pa.float16()),
        "large": pa.array([2**40, None], pa.uint64()),
        "decimal": pa.array([Decimal("1.25"), None], pa.decimal128(9, 2)),
        "y": [1, 2],
    }
    times = {
        "day": pa.array([day, None]),
        "moment": pa.array([moment, None], pa.timestamp("ns", "UTC")),
        "time": pa.array([dt.time(1, 2), None], pa.time64("us")),
        "second": pa.array([1, None], pa.timestamp("s")),
        "y": [1, 2],
    }
    texts = {
        "long": pa.array(["one", None], pa.large_string()),
        "bytes": pa.array([b"\xff", None]),
        "pairs": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
        "few": pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), pa.array(["one"], pa.large_string())),
        "y": [1, 2],
    }
    return [pa.table(columns) for columns in (numbers, times, texts)]


def parquet() -> list[bytes]:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    def written(table: Any, **options: Any) -> bytes:
        stream = io.BytesIO()
        write_table(table, stream, store_schema=False, **options)
        return stream.getvalue()

    frame = _frame()
    return [
        written(frame, compression="none", use_dictionary=False, write_statistics=False),
        written(frame, compression="snappy"),
        written(frame.select(["a", "y"]), compression="zstd", row_group_size=2, data_page_version="2.0"),
        written(
            frame.select(["n", "y"]),
            compression="gzip",
            column_encoding={"n": "DELTA_BINARY_PACKED", "y": "DELTA_BYTE_ARRAY"},
            use_dictionary=False,
        ),
        *(written(table, compression="none", write_statistics=False) for table in _further_types()),
        written(pa.table({"l": [[1], [], [2, 3]], "a": [1, 2, 3], "y": ["u", "v", "u"]}), compression="none"),
    ]


def arrow() -> list[bytes]:
    import pyarrow as pa
    from pyarrow import ipc

    def written(table: Any, writer: Any, compression: str | None = None) -> bytes:
        stream = io.BytesIO()
        with writer(stream, table.schema, options=ipc.IpcWriteOptions(compression=compression)) as out:
            out.write_table(table)
        return stream.getvalue()

    file, stream, frame = ipc.new_file, ipc.new_stream, _frame()
    views = pa.table({"v": pa.array(["a" * 20, "b", None], pa.string_view()), "a": [1, 2, 3], "y": [1, 2, 3]})
    nested = pa.table({"l": [[1], [], [2, 3]], "s": [{"q": 1}, None, {"q": 2}], "a": [1, 2, 3], "y": [1, 2, 3]})
    ends = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([1.0, 2.0]))
    pairs = [(frame, None), (frame, "lz4"), (frame.select(["a", "y"]), "zstd"), (views, None), (nested, None)]
    pairs.append((pa.table({"e": ends, "z": pa.nulls(3), "a": [1, 2, 3], "y": [1, 2, 3]}), None))
    viewed = pa.DictionaryArray.from_arrays(
        pa.array([0, None, 1], pa.int8()), pa.array(["a" * 20, "b"], pa.string_view())
    )
    pairs.append((pa.table({"w": viewed, "a": [1, 2, 3], "y": [1, 2, 3]}), None))
    duration = pa.table({"t": pa.array([1, None], pa.duration("ms")), "a": [1, 2], "y": [1, 2]})
    pairs += [(table, None) for table in (*_further_types(), duration)]
    return [written(table, writer, compression) for table, compression in pairs for writer in (file, stream)]


def _idx_of(array: Any, code: int) -> bytes:
    return struct.pack(">HBB", 0, code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx() -> list[bytes]:
    images = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2)
    kinds = [(images, 0x08), (images.astype(">f4"), 0x0D), (images.astype(">f8"), 0x0E), (images.astype(">i2"), 0x0B)]
    plain = [_idx_of(array, code) for array, code in kinds]
    return [*plain, gzip.compress(plain[0], mtime=0)]


def _npy_of(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy() -> list[bytes]:
    x = np.arange(12.0).reshape(4, 3)
    records = np.array([(1.5, "a", 0), (2.5, "b", 1), (0.5, "a", 1)], dtype=[("a", "f8"), ("b", "U2"), ("y", "i4")])
    words = np.array([["a", "x"], ["b", "y"], ["a", "x"]])
    dates = np.array([("2020-01-01", 0), ("2020-01-02", 1), ("NaT", 1)], dtype=[("d", "M8[D]"), ("y", "u1")])
    arrays = [x, np.asfortranarray(x), x.astype("f2"), x.astype(">i4"), records, words, dates, x > 3]
    return [_npy_of(each) for each in arrays]


def npz() -> list[bytes]:
    x, y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 1])
    made = []
    for save, arrays in (
        (np.savez, {"x": x, "y": y}),
        (np.savez_compressed, {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]}),
        (np.savez, {"X": x.reshape(4, 3, 1), "y": np.array(["a", "b", "a", "b"])}),
    ):
        stream = io.BytesIO()
        save(stream, **arrays)
        made.append(stream.getvalue())
    return made


def image() -> list[bytes]:
    from PIL import Image

    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    pictures = {
        mode: Image.fromarray(grey).convert(mode)
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")
    }
    wanted = {
        "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "JPEG": ("L", "RGB", "CMYK"),
        "BMP": ("1", "L", "P", "RGB"), "GIF": ("L", "P"), "TIFF": ("1", "L", "RGB", "I;16", "F"), "WEBP": ("RGB",),
        "PPM": ("1", "L", "RGB", "I"),
    }  # fmt: skip
    made = []
    for kind, modes in wanted.items():
        options: list[dict[str, Any]] = [{}]
        if kind == "TIFF":
            options += [{"compression": name} for name in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "group4")]
        for mode in modes:
            for each in options:
                if each.get("compression") == "group4" and mode != "1":
                    continue
                stream = io.BytesIO()
                pictures[mode].save(stream, format=kind, **each)
                made.append(stream.getvalue())
    return made


def _data() -> Any:
    return dr.Dataset((np.arange(12.0).reshape(6, 2), np.array(["a", "b", "a", "b", "a", "b"])))


def _small(**fields: Any) -> dr.Recipe:
    network = dr.Network(hidden=(3,), activation="sigmoid", **fields.pop("network", {}))
    return dr.Recipe(network=network, epochs=1, batch_size=6, stopping=None, **fields)


def _saved(recipe: dr.Recipe, data: Any, name: str = "m.safetensors") -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return dr.train(recipe, data, engine="reference").model.save(Path(folder) / name).read_bytes()


def safetensors() -> list[bytes]:
    table = dr.data.table_of([{"age": i, "sex": "FM"[i % 2], "up": i % 3 > 1} for i in range(6)])
    return [
        _saved(_small(), _data()),
        _saved(_small(network={"normalization": "batch"}), _data()),
        _saved(_small(), dr.Dataset((np.arange(12.0).reshape(6, 2), np.arange(6.0)))),
        _saved(_small(), dr.Dataset((table, np.array([0, 1, 0, 1, 0, 1])))),
    ]


def ensembles() -> list[bytes]:
    """Estimators for tables of each task and preset, with small networks."""
    import tempfile

    frame = dr.data.table_of([{"age": i, "sex": "FMX"[i % 3], "up": i % 3 > 1} for i in range(12)])
    x = [[each["age"], each["sex"], each["up"]] for each in ({c.name: c.labels()[i] for c in frame} for i in range(12))]
    made = []
    options = {"folds": 2, "engine": "reference"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e.safetensors"
        for name in ("plain", "realmlp", "tabm"):
            recipe = dr.preset(name, "classification", 12)
            network = recipe.network.replace(hidden=(3,), activation="relu", dropout=0.0)
            recipe = recipe.replace(network=network, epochs=1)
            made.append(dr.TabularClassifier(recipe, **options).fit(x, ["a", "b"] * 6).save(path).read_bytes())
        recipe = _small(loss="squared_error")
        made.append(dr.TabularRegressor(recipe, **options).fit(x, np.eye(12)[:, :2]).save(path).read_bytes())
    return made


def committees() -> list[bytes]:
    """Networks for arrays that differ in size and loss, of classes and of numbers."""
    import tempfile

    x, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for labels, losses in ((["a", "b"] * 3, ("auto", "sigmoid_cross_entropy")), (y, ("squared_error", "huber"))):
            networks = [
                dr.train(_small(loss=loss, seed=seed), dr.Dataset((x, np.array(labels))), engine="reference").model
                for seed, loss in enumerate(losses)
            ]
            made.append(dr.Ensemble(networks).calibrated(x, labels).save(Path(folder) / "c.safetensors").read_bytes())
    return made


def readable() -> list[bytes]:
    model = {"sizes": [2, 2, 1], "weights": [[[0.5, 1], [-1, 2e-3]], [[1, -1]]], "biases": [[[0], [1]], [[0.5]]]}
    return [json.dumps({**model, "cost": cost}).encode() for cost in ("QuadraticCost", "CrossEntropyCost")]


def onnx() -> list[bytes]:
    from tests.faults.attacks.foreign_files import perceptron

    return [perceptron()]


def state_dict() -> list[bytes]:
    from safetensors.numpy import save

    tensors = {"0.weight": np.ones((3, 2), np.float32), "0.bias": np.zeros(3), "2.weight": np.eye(3, dtype=np.float16)}
    return [save(tensors)]


def checkpoints() -> list[bytes]:
    from tests.faults.attacks.checkpoint_files import seed

    return [seed()]


def recipe() -> list[bytes]:
    plain = dr.Recipe()
    full = dr.Recipe(
        network=dr.Network(hidden=(8, 4), activation=("relu", "tanh"), dropout=(0.1, 0.2, 0.2), normalization="layer"),
        penalty=(dr.L2(1e-4), None, dr.L1(1e-3)),
        schedule="cosine",
        class_weight={"a": 2.0, "b": 1.0},
        augmentation=["rotation", {"name": "cutout", "size": 2}],
        seed=3,
    )
    texts = [json.dumps(each.to_json()) for each in (plain, full)]
    return [*(text.encode() for text in texts), b'{"optimizer": {"name": "adam", "learning_rate": 0.01}, "epochs": 5}']


def network_line() -> dict[str, Any]:
    curves = {
        name: [0.5, None] for name in ("train_loss", "train_score", "validation_loss", "validation_score", "seconds")
    }
    return {
        "variant": "sgd, l2=0", "seed": 3, "key": "0123456789abcdef01234567", "status": "finished", "score": 0.9,
        "loss": 0.1, "validation_score": None, "validation_loss": 0.3, "epochs": 2, "best_epoch": 1, "seconds": 0.01,
        "curves": curves, "batch_losses": [0.1, 0.2],
    }  # fmt: skip


def networks() -> list[bytes]:
    first, second = network_line(), network_line() | {"key": "f" * 24, "seed": 4}
    return [f"{json.dumps(first)}\n{json.dumps(second)}\n".encode()]


def plan() -> list[bytes]:
    text = {
        "format": "deltarule-comparison-1", "seeds": [1, 2], "seeds_vary": ["start"], "tune": None, "budget": None,
        "data": {"name": "iris", "parts": {"train": 120}, "shape": [4], "digest": DIGEST}, "variants": {"a": {}},
    }  # fmt: skip
    return [json.dumps(text, indent=1).encode()]


def split() -> list[bytes]:
    return [json.dumps({"data": "digits", "validation": "0.1", "test": None}, indent=2).encode()]


def _idx_beside() -> dict[str, bytes]:
    labels = _idx_of(np.array([0, 1, 2], np.uint8), 0x08)
    return {IDX_NAMES[1]: labels, IDX_NAMES[2]: idx()[0], IDX_NAMES[3]: labels}


FORMATS: dict[str, Format] = {
    "csv": Format("table.csv", _table, delimited),
    "jsonl": Format("table.jsonl", _table, json_lines),
    "parquet": Format("table.parquet", _table, parquet),
    "large_parquet": Format("table.parquet", _large_table, parquet),
    "arrow": Format("table.arrow", _table, arrow),
    "idx": Format(IDX_NAMES[0], lambda path: read_idx_folder(path.parent), idx, _idx_beside()),
    "npy": Format("table.npy", _table, npy),
    "npz": Format("arrays.npz", _arrays, npz),
    "image": Format("image.png", _image, image),
    "samples": Format("samples.csv", samples_in, lambda: [b"a,b\n1,2\n3,4.5e3\n", b"1,2,3\n4,5,6\n"]),
    "model": Format("model.safetensors", _model, safetensors),
    "ensemble": Format("model.safetensors", _ensemble, ensembles),
    "committee": Format("model.safetensors", _ensemble, committees),
    "readable": Format("model.json", _model, readable),
    "onnx": Format("network.onnx", _imported, onnx),
    "state_dict": Format("state.safetensors", _imported, state_dict),
    "checkpoint": Format("checkpoint.safetensors", Checkpoint.read, checkpoints),
    "recipe": Format("recipe.json", read_recipe, recipe),
    "networks": Format("networks.jsonl", _comparison, networks, {"comparison.json": plan()[0]}),
    "plan": Format("comparison.json", _comparison, plan, {"networks.jsonl": networks()[0]}),
    "split": Format("split.json", _run_folder, split, {"recipe.json": b"{}"}),
}


def zipped(members: Mapping[str, bytes]) -> bytes:
    """An archive of these members, all sound."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def corpus_of(name: str) -> list[bytes]:
    """The files of the corpus that belong to a format."""
    return [path.read_bytes() for path in sorted(CORPUS.glob(f"{name}-*"))]
