"""scikit-learn's own tests of its networks, from the installed package, with only the import swapped.

They are read where scikit-learn lies, and run here as they stand.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
OURS = "from deltarule import MLPClassifier, MLPRegressor\n"

PRIVATE = {
    "test_gradient": "calls _loss_grad_lbfgs; ours: test_the_gradient_is_the_derivative in test_estimators.py",
}
"""Their tests that reach into attributes that are no promise, and why they cannot run."""

# Their tests let warnings pass unless they say otherwise; test_n_iter_no_change_inf trains to max_iter on purpose.
pytestmark = pytest.mark.filterwarnings("default", "ignore:Training reached max_iter=3000 epochs")

_FOUND = find_spec("sklearn.neural_network.tests.test_mlp")
if _FOUND is None or _FOUND.origin is None:
    pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
_SOURCE = Path(_FOUND.origin).read_text(encoding="utf-8")
assert _SOURCE.count(THEIRS) == 1, "their tests import the networks in another way now"
exec(compile(_SOURCE.replace(THEIRS, OURS), _FOUND.origin, "exec"), globals())
for _name, _reason in PRIVATE.items():
    globals()[_name] = pytest.mark.skip(reason=_reason)(globals()[_name])


@pytest.fixture
def global_random_seed():
    return 42


def test_all_but_a_few_are_run():
    names = [name for name in globals() if name.startswith("test_")]
    assert len(names) > 35
    assert set(PRIVATE) <= set(names)
