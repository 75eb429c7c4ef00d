"""Code for the processor: formulas and loops printed as LLVM IR, assembled, and kept."""
