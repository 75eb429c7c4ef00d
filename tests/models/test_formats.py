"""The files of every format that was ever written can be read; `scripts/format-files` writes those of a new one."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule.models import files, load_model
from deltarule.models.ensemble import load_predictor
from deltarule.studies.compare.folder import ComparisonFolder

FOLDER = Path(__file__).parent / "formats"
FILES = sorted(path for path in FOLDER.iterdir() if not path.name.endswith(".expected.json"))
X = np.arange(24.0).reshape(12, 2) / 7.0
ROWS = [{"age": 20 + i, "sex": "FMX"[i % 3], "member": i % 4 > 1} for i in range(24)]


def expected(path):
    return json.loads(path.with_name(f"{path.name}.expected.json").read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_of_any_version_is_read(path, tmp_path):
    if path.name.startswith("deltarule-recipe"):
        assert dr.Recipe.from_json(path.read_text()) == dr.Recipe.from_json(expected(path))
    elif path.name.startswith("deltarule-comparison"):
        for name in ("networks.jsonl", "plan.json"):
            own = path.with_name(f"{path.name.rpartition('-')[0]}-{name}")
            (tmp_path / name.replace("plan", "comparison")).write_bytes(own.read_bytes())
        digest = json.loads((tmp_path / "comparison.json").read_text())["data"]["digest"]
        networks = ComparisonFolder.open(tmp_path, digest).networks()
        if path.suffix == ".jsonl":
            assert {key: network.score for key, network in networks.items()} == expected(path)
    else:
        model = load_predictor(path)
        x = ROWS if model.encoding is not None else X
        what = expected(path)
        if "raw_outputs" in what:
            found = model.raw_outputs(x)
            assert load_model(model.save(tmp_path / path.name)).theta.tobytes() == model.theta.tobytes()
        else:
            rows = [list(row.values()) for row in x] if model.encoding is not None else x
            found = model.predict(rows) if model.classes is None else model.predict_proba(rows)
        name, value = next(iter(what.items()))
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("known", [files.FORMATS, files.ENSEMBLE_FORMATS])
def test_there_is_a_file_of_each_format(known):
    """Whoever raises a format's number runs scripts/format-files."""
    for name in known:
        assert any(path.name.startswith(f"{name}-") for path in FILES), name
    written = {re.match(r"(.*-\d+)-", path.name)[1] for path in FILES if path.suffix == ".safetensors"}
    assert written == {*files.FORMATS, *files.ENSEMBLE_FORMATS}
