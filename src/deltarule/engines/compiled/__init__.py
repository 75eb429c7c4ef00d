"""The compiled engine: whole epochs without the interpreter, at the rate of the processor's multiply-adds."""

from deltarule.engines.compiled.runtime.engine import Compiled
from deltarule.engines.compiled.runtime.predictor import Predictor
from deltarule.engines.compiled.runtime.prefixes import CompiledPrefixes

__all__ = ["Compiled", "CompiledPrefixes", "Predictor"]
