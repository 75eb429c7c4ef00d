"""The compiled engine: whole epochs without the interpreter, at the rate of the processor's multiply-adds."""

from deltarule.engines.compiled.engine import Compiled
from deltarule.engines.compiled.predictor import Predictor
from deltarule.engines.compiled.threads import allowed_threads, chosen_threads

__all__ = ["Compiled", "Predictor", "allowed_threads", "chosen_threads"]
