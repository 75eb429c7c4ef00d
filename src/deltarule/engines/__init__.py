"""Engines, which train and predict. The reference engine is the definition; others equal it up to rounding."""
