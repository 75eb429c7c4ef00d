"""The compiled engine: whole epochs without the interpreter, at the rate of the processor's multiply-adds."""

from deltarule.engines.compiled.engine import Compiled

__all__ = ["Compiled"]
