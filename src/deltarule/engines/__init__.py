"""Who does what a recipe says. The reference engine is the definition; others equal it to rounding."""
