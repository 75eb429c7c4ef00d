"""`python -m benchmarks.tables`: fit every model on every table, and report."""

from benchmarks.tables.run import main

if __name__ == "__main__":
    main()
