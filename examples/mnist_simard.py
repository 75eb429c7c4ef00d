"""Simard, Steinkraus and Platt (2003) again: 800 hidden units, MNIST deformed anew at every step, 0.7 % wrong.

    python mnist_simard.py mnist                 the whole experiment: three seeds, some minutes each
    python mnist_simard.py mnist --data-dir my/files
    python mnist_simard.py                       a few seconds of the same on the small digits of scikit-learn

Nothing is chosen on the test part: the recipe is fixed, all of its epochs are run, and the last weights count.
"""

import argparse
import statistics
import time

import deltarule as dr

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("data", nargs="?", default="digits", help="the name of a data set of images")
parser.add_argument("--data-dir", help="where its files lie, if it is not to be downloaded")
parser.add_argument("--seeds", type=int, help="how many runs, from seed 0 on")
parser.add_argument("--epochs", type=int, help="passes over the training part")
arguments = parser.parse_args()

small = arguments.data == "digits"
data = dr.load_dataset(arguments.data, data_dir=arguments.data_dir, split="official")
if data.test is None:
    data = dr.load_dataset(arguments.data, split=dr.Split(validation=0, test=0.2))
assert data.test is not None

# Displacements in pixels: on images of 8 × 8 they are smaller.
elastic = dr.Elastic(alpha=3, sigma=2) if small else dr.Elastic(alpha=38, sigma=6)
recipe = dr.Recipe(
    network=dr.Network(hidden=(800,), activation="relu"),
    loss="softmax_cross_entropy",
    optimizer=dr.Adam(learning_rate=1e-3),
    schedule=dr.CosineDecay(),
    augmentation=(dr.Rotation(15), dr.Zoom(0.15), elastic),
    scaling="auto" if small else "unit",
    batch_size=64,
    epochs=arguments.epochs or (10 if small else 500),
    stopping=None,
)

errors = []
for seed in range(arguments.seeds or (1 if small else 3)):
    began = time.perf_counter()
    for epoch in (training := dr.epochs(recipe.replace(seed=seed), data)):
        if epoch.number % max(1, recipe.epochs // 10) == 0:
            print(f"epoch {epoch.number:4}  {100 * (1 - epoch.train_score):5.2f} % wrong in training", flush=True)
    errors.append(100 * (1 - training.model.score(data.test.x, data.test.y)))
    print(f"seed {seed}: {errors[-1]:.2f} % of the test part wrong, {time.perf_counter() - began:.0f} s", flush=True)
print(f"mean of {len(errors)}: {statistics.mean(errors):.3f} %")
