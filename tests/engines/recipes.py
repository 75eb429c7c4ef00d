"""Recipes and data drawn by hypothesis: any depth, any mixture of formulas, any shape of targets."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

import deltarule as dr
from deltarule.formulas import registered
from deltarule.formulas.augmentations import Displacement

# An exponential of exponentials is no hidden layer.
ACTIVATIONS = [
    cls.name for cls in registered("activation") if cls.granularity == "elementwise" and cls.name != "exponential"
]
OPTIMIZERS = [
    *(cls(learning_rate=0.001) for cls in registered("optimizer") if cls.granularity == "elementwise"),
    dr.Momentum(0.001, velocity="gradients", dampening=0.5),
    dr.Adam(0.001, epsilon_place="inside"),
    dr.Adam(0.001, epsilon_place="before_correction"),
]
# Normalised layers can have gradients that are nothing but rounding, which these do not divide by their size.
PLAIN = [dr.SGD(0.01), dr.Momentum(0.01)]
PENALTIES = [
    None,
    dr.L2(0.01),
    dr.L2(0.1, per_batch=True),
    dr.L1(0.01),
    dr.L1(0.01, proximal=True),
    dr.L1(0.1, proximal=True, per_batch=True),
    dr.ElasticNet(0.01),
]
NORMALIZATIONS = [None, None, dr.BatchNormalization(momentum=0.5), dr.LayerNormalization(epsilon=1e-3)]
CLIPPINGS = [None, None, dr.ClipByValue(0.05), dr.ClipByNorm(0.5)]
SCHEDULES = ["constant", dr.LinearToZero(), dr.WarmUp(4)]
CLASS_LOSSES = [
    dr.SoftmaxCrossEntropy(),
    dr.SigmoidCrossEntropy(),
    dr.SoftmaxCrossEntropy(label_smoothing=0.1),
    dr.SigmoidFocal(),
    dr.SoftmaxFocal(),
    dr.HalfSquaredError(inverse_link="sigmoid"),
    dr.SquaredError(),
]
NUMBER_LOSSES = [
    dr.SquaredError(),
    dr.HalfSquaredError(inverse_link="tanh"),
    dr.AbsoluteError(),
    dr.Huber(),
    dr.LogCosh(),
    dr.Quantile(),
]
EMBEDDINGS = [
    *[None] * 4,
    dr.PBLD(frequencies=5, deviation=0.3, outputs=2),
    dr.embeddings.PiecewiseLinear(bins=4, outputs=2),
    dr.embeddings.Periodic(frequencies=3, deviation=0.3, outputs=2, rectified=False),
]
GROUPS = [
    {},
    {"biases": 0.1, "scale": 6.0, "slopes": {"learning_rate": 0.5, "decay": 0.1}},
    {"weights": {"learning_rate": 2.0, "epsilon": 3.0, "decay": 0.5}, "normalization": 0.3},
]
FACTOR_SCHEDULES = [None, None, "flat_cosine", dr.Milestones((0.4, 0.7), factor=0.5)]
AUGMENTATIONS = [(), (), (dr.FeatureNoise(0.1),), (dr.FeatureNoise(probability=0.5), dr.Mixup(1.0)), (dr.Mixup(),)]
PERTURBATIONS = [*[None] * 3, dr.FastGradient(0.5)]
SCALINGS = ["none", "unit", "standard", "pooled", 60.0]


@st.composite
def networks(draw):
    depth = draw(st.integers(0, 3))
    normalization = draw(st.sampled_from(NORMALIZATIONS))
    by_units = normalization is not None and normalization.axis == 1
    hidden = tuple(draw(st.integers(8 if by_units else 1, 40)) for _ in range(depth))
    rates = st.sampled_from([0.0, 0.0, 0.3])
    several = depth > 0 and normalization is None
    members = draw(st.sampled_from([1, 1, 2, 5])) if several else 1
    return dr.Network(
        hidden=hidden,
        activation=tuple(draw(st.sampled_from(ACTIVATIONS)) for _ in hidden),
        dropout=[draw(rates) for _ in range(depth + 1)],
        noise=[draw(st.sampled_from([0.0, 0.0, 0.0, 0.2])) for _ in range(depth + 1)],
        normalization=normalization,
        bias_initializer="glorot_uniform",
        input_scale=draw(st.sampled_from([False, False, True])),
        parametric_activation=draw(st.sampled_from([None, None, 1.0, 0.7])),
        embedding=draw(st.sampled_from(EMBEDDINGS)),
        members=members,
        member_form=draw(st.sampled_from(["batch_ensemble", "mini"])),
        noise_before_activation=members == 1 and draw(st.booleans()),
    )


@st.composite
def stoppings(draw):
    return dr.EarlyStopping(
        patience=draw(st.sampled_from([1, 1, None])),
        monitor=draw(st.sampled_from(["loss", "score"])),
        ties=draw(st.sampled_from(["first", "last"])),
    )


@st.composite
def problems(draw):
    """A recipe and a data set that fit."""
    seed = draw(st.integers(0, 2**64 - 1))
    generator = np.random.default_rng(seed)
    n, d = draw(st.integers(8, 90)), draw(st.integers(1, 40))
    kind = draw(st.sampled_from([np.float64, np.float32, np.uint8, np.int64]))
    x = (generator.normal(size=(n, d)) * 20 + 60).astype(kind)
    if draw(st.booleans()):
        classes = draw(st.sampled_from([2, 3, 18]))
        y = np.arange(n) % min(classes, n)
        loss = draw(st.sampled_from(CLASS_LOSSES))
    else:
        outputs = draw(st.sampled_from([1, 3]))
        y = generator.normal(size=(n, outputs))
        loss = draw(st.sampled_from(NUMBER_LOSSES))
    weights = generator.random(n) + 0.1 if draw(st.booleans()) else None
    train = (x, y) if weights is None else (x, y, weights)
    watched = draw(st.booleans())
    network = draw(networks())
    penalties = st.sampled_from(PENALTIES)
    one_each = st.tuples(*[penalties for _ in range(len(network.hidden) + 1)])
    optimizer = draw(st.sampled_from(OPTIMIZERS if network.normalization is None else PLAIN))
    if optimizer.degree is not None:
        network = network.replace(parametrization=draw(st.sampled_from(["standard", "ntk"])))
    # Over two samples or units normalized values are ±1 and their errors nothing but rounding, which grows with steps.
    by_batch = network.normalization is not None and network.normalization.axis == 0
    plain = network.embedding is None and network.members == 1
    recipe = dr.Recipe(
        network=network,
        loss=loss,
        optimizer=optimizer,
        groups=draw(st.sampled_from(GROUPS)),
        dropout_schedule=draw(st.sampled_from(FACTOR_SCHEDULES)),
        decay_schedule=draw(st.sampled_from(FACTOR_SCHEDULES)),
        drop_last=draw(st.booleans()),
        penalty=draw(st.one_of(penalties, one_each)),
        schedule=draw(st.sampled_from(SCHEDULES)),
        clipping=draw(st.sampled_from(CLIPPINGS)),
        constraint=draw(st.sampled_from([None, None, dr.MaxNorm(0.7)])),
        averaging=draw(st.sampled_from([None, None, dr.ExponentialAverage(0.6)])),
        class_weight=draw(st.sampled_from([None, "balanced"])) if y.ndim == 1 else None,
        batch_size=draw(st.integers(8 if by_batch else 1, 40)),
        epochs=3,
        stopping=draw(stoppings()) if watched else None,
        scaling=draw(st.sampled_from(SCALINGS[2:])),
        augmentation=draw(st.sampled_from(AUGMENTATIONS)),
        perturbation=draw(st.sampled_from(PERTURBATIONS)) if plain else None,
        evaluate_train=draw(st.booleans()),
        seed=seed,
    )
    return recipe, dr.Dataset(train=train, validation=train[:2])


@dataclass(frozen=True)
class Run:
    """A call of `train`, and rows for the model to predict."""

    recipe: dr.Recipe
    data: dr.Dataset
    options: dict[str, Any] = field(default_factory=dict)
    rows: np.ndarray | None = None
    asked: tuple[np.ndarray, ...] = ()


@st.composite
def images(draw):
    """Images of any size and their augmentations, at most one of which moves pixels one by one."""
    height, width, channels = draw(st.integers(1, 20)), draw(st.integers(1, 20)), draw(st.sampled_from([1, 3]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(2, 30))
    x = (generator.random((n, height, width, channels)) * 200 + 10).astype(draw(st.sampled_from(["u1", "f4", "f8"])))
    fitting = [cls for cls in registered("augmentation") if channels == 3 or cls.samples != "rgb"]
    chosen = dict.fromkeys(draw(st.lists(st.sampled_from(fitting), max_size=4)))
    moving = [cls for cls in chosen if issubclass(cls, Displacement)]
    augmentation = tuple(cls(probability=draw(st.sampled_from([0.5, 1.0]))) for cls in chosen if cls not in moving[1:])
    recipe = dr.Recipe(
        network=draw(networks()),
        optimizer=draw(st.sampled_from(PLAIN)),
        augmentation=sorted(augmentation, key=lambda each: each.name == "mixup"),
        stopping=None,
        batch_size=draw(st.integers(1, 40)),
        epochs=2,
    )
    return recipe, dr.Dataset(train=(x, np.arange(n) % draw(st.sampled_from([2, 3]))))


@st.composite
def runs(draw):
    """Any call of `train`: batches larger than the data, weights of 0, rows, orders, recorded losses, 8 threads."""
    recipe, data = draw(st.one_of(problems(), problems(), images()))
    n = len(data.train)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        recipe = recipe.replace(batch_size=draw(st.integers(n, 2 * n + 70)))
    if draw(st.sampled_from([True, *[False] * 7])) and recipe.network.normalization is None:
        network = recipe.network.replace(parametrization="standard")
        recipe = recipe.replace(optimizer="muon", network=network, groups={})
    rows = None
    if data.train.weights is not None and draw(st.booleans()):
        weights = np.where(generator.random(n) < 0.7, 0.0, data.train.weights)
        weights[draw(st.integers(0, n - 1))] = 1.0
        data = dr.Dataset(train=(data.train.x, data.train.y, weights), validation=data.validation)
    elif draw(st.booleans()):
        rows = generator.integers(0, n, draw(st.integers(1, 2 * n)))
    options = {
        "precision": draw(st.sampled_from(["float32", "float64"])),
        "n_threads": draw(st.sampled_from([1, 2, 2, 3, 4, 8])),
        "record": draw(st.sampled_from([None, "batch", "batch_after"])),
    }
    if rows is None and draw(st.booleans()):
        sizes = draw(st.lists(st.integers(1, 2 * n), min_size=1, max_size=4))
        options["order"] = [[generator.integers(0, n, size) for size in sizes] for _ in range(recipe.epochs)]
    x = data.train.x[generator.integers(0, n, draw(st.sampled_from([1, 3, 40, 300])))]
    views = (x, x[::-2], np.asfortranarray(x), x.astype(draw(st.sampled_from(["i2", "f4", "f8"]))))
    return Run(recipe, data, options, rows, views)
