"""What holds for all tests.

Processes start with empty caches: these do not measure what suits the processor. Hypothesis draws the same examples in
every run, other ones where `scripts/guard` asks for many, and sets them no time limit: a busy machine takes more than
its 200 ms for an example that passes.
"""

import os

from hypothesis import settings

os.environ.setdefault("DELTARULE_TUNE", "0")

settings.register_profile("repeatable", derandomize="DELTARULE_TEST_EXAMPLES" not in os.environ, deadline=None)
settings.load_profile("repeatable")
