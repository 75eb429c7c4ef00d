"""A compiler of a typed subset of Python, through LLVM, with vectors, threads and matrix products; no networks."""
