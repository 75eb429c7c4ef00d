"""Draw the pictures of the documents anew, each from a real run: `python docs/pictures/draw.py`."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import deltarule as dr
from deltarule.experiments.illustrations import ILLUSTRATIONS
from deltarule.experiments.records import RECORDS
from deltarule.experiments.records.page import picture
from deltarule.figures.style import save

HERE = Path(__file__).parent
runpy.run_path(str(HERE / "architecture.py"), run_name="__main__")
TRAIN = [sys.executable, "-m", "deltarule", "train", "digits"]

MAPS = ("rotation=10", "zoom=0.15", "elastic=36,5")
AUGMENT = [sys.executable, "-m", "deltarule", "data", "augment", "mnist"]

with tempfile.TemporaryDirectory() as folder:
    run = Path(folder) / "digits"
    subprocess.run([*TRAIN, "--out", str(run)], check=True)
    for drawn in ("curves.png", "samples.png"):
        shutil.copyfile(run / drawn, HERE / f"digits-{drawn}")

for name, illustration in ILLUSTRATIONS.items():
    save(illustration.made().picture(), HERE / f"illustration-{name}.png")

errors = picture(RECORDS.values())
if errors is not None:
    save(errors, HERE / "records.png")

RANGE = [sys.executable, "-m", "deltarule", "lr-range", "digits"]
subprocess.run([*RANGE, "--output", str(HERE / "learning-rate-range.png")], check=True)
OPTIMIZERS = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
comparison = dr.compare(dr.vary(dr.Recipe(), optimizer=OPTIMIZERS), dr.load_dataset("digits"), seeds=20)
for kind in ("scores", "curves"):
    save(comparison.plot(kind).figure_, HERE / f"compare-{kind}.png")

# MNIST is downloaded, unless DELTARULE_DATA says where it lies.
chosen = [word for each in MAPS for word in ("--augment", each)]
subprocess.run([*AUGMENT, *chosen, "--preview", str(HERE / "augmentation.png")], check=True)
