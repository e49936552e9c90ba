"""``python -m genaiops.runtime``: serve the release in /etc/genaiops/release/release.json."""

import logging
import os
import sys


def main() -> int:
    """Exit code 0 after a drain, 1 where the process can't start; the log says why."""
    # Not above: a worker process of the guardrails imports this module too, and needs none of these.
    import uvloop

    from genaiops import logs
    from genaiops.runtime.config import ConfigError, Settings, load_release
    from genaiops.runtime.server import serve

    logs.configure()
    try:
        settings = Settings.from_env(os.environ)
        release = load_release(settings.release_file)
    except ConfigError as error:
        logging.getLogger("genaiops.runtime").critical("can't start: %s", error)
        return 1
    uvloop.run(serve(release, settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
