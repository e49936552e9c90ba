"""``python -m genaiops.presidio``: judge texts for guardrails of type Webhook."""

import asyncio
import logging
import sys

from genaiops.presidio.settings import parse


def main() -> int:
    """Exit code 0 after SIGTERM, 1 where the settings can't work; the log says why."""
    # Not above: the process that computes imports this module, too, and needs none of these.
    from genaiops import logs
    from genaiops.presidio.server import serve
    from genaiops.presidio.worker import JudgeError, SetupError

    settings = parse(None)
    logs.configure()
    try:
        asyncio.run(serve(settings))
    except (SetupError, JudgeError) as error:
        logging.getLogger("genaiops.presidio").critical("can't start: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
