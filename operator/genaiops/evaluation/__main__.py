"""``python -m genaiops.evaluation``: do the run in /etc/genaiops/evaluation/run.json."""

import argparse
import asyncio
import sys
from dataclasses import fields
from pathlib import Path

from genaiops import logs
from genaiops.evaluation.places import Places
from genaiops.evaluation.process import serve


def main() -> int:
    """Exit code 0 where a result was written, also an Error that stays one; else starting anew may help."""
    parser = argparse.ArgumentParser(prog="genaiops-evaluator", description=__doc__)
    for each in fields(Places):
        kind = type(each.default)
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=Path if issubclass(kind, Path) else kind)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    logs.configure()
    return asyncio.run(serve(Places(**given)))


if __name__ == "__main__":
    sys.exit(main())
