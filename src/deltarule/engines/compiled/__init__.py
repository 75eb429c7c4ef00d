"""The compiled engine: whole epochs without the interpreter, at the rate of the processor's multiply-adds."""

from deltarule.engines.compiled.runtime.engine import Compiled
from deltarule.engines.compiled.runtime.predictor import Predictor

__all__ = ["Compiled", "Predictor"]
