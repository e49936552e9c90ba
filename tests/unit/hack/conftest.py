"""The scripts in hack/kind are no part of the operator: they are imported from where they lie."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "hack" / "kind"))
