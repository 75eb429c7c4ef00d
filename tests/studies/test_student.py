"""Student's t distribution beside SciPy's."""

import pytest
from scipy import special

from deltarule.studies.diagnose.student import t_probability, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 10, 57, 179, 1000, 100_001])
def test_students_t_is_scipys(freedom):
    for t in (-30.0, -3.0, -0.5, 0.0, 0.7, 1.96, 40.0):
        assert t_probability(t, freedom) == pytest.approx(special.stdtr(freedom, t), abs=1e-11)
    for probability in (0.5, 0.9, 0.975, 0.999):
        expected = special.stdtrit(freedom, probability)
        assert t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-8, abs=1e-9)
