"""What all tests need: programs of ours that a test starts find our code, and the same tests are run each time."""

import os
from pathlib import Path

from hypothesis import settings

os.environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "operator")

# A run that fails can be run again. To look for what nobody thought of: HYPOTHESIS_PROFILE=explore make unit
# How long a test takes on a busy machine is no property of what it tests.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
