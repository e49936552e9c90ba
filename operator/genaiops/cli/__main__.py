"""The program `kubectl-genaiops`, which kubectl finds on the PATH and runs for `kubectl genaiops`."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run one command and exit with its code (see `failure.py`)."""
    try:
        from genaiops.cli.commands import run
    except ModuleNotFoundError as missing:
        sys.exit(f"error: {missing.name} is not installed; pip install 'genaiops[cli]' brings it")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
