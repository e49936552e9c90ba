"""What all tests need: programs of ours that a test starts find our code, as the tests themselves do."""

import os
from pathlib import Path

os.environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "operator")
