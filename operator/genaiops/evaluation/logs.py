"""The log: one JSON object a line on standard output, between the rows; never the content of a row."""

import json
import logging
import sys
from datetime import UTC, datetime

logger = logging.getLogger("genaiops.evaluation")


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "message", "exception"}``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure() -> None:
    """Send every log record of the process through the JSON formatter."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
