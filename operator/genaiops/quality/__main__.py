"""``python -m genaiops.quality``: keep and judge live answers as /etc/genaiops/quality/collector.json says."""

import argparse
import asyncio
import sys
from dataclasses import fields
from pathlib import Path

from genaiops import logs
from genaiops.quality.database import DatabaseError
from genaiops.quality.process import Places, StartError, logger, serve


def main() -> int:
    """Exit code 0 after a signal, 1 where the process can't start; the log says why."""
    parser = argparse.ArgumentParser(prog="genaiops-quality", description=__doc__)
    for each in fields(Places):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=Path if isinstance(each.default, Path) else int)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    logs.configure()
    try:
        asyncio.run(serve(Places(**given)))
    except (StartError, DatabaseError) as error:
        logger.critical("can't start: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
