"""Logs: one JSON object per line on standard output, never the content of a message."""

import logging
import sys
from datetime import UTC, datetime

import orjson


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "message", ...}`` with the fields given as ``extra={"fields": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = _frames(record)
        return orjson.dumps(line, default=str).decode()


def _frames(record: logging.LogRecord) -> str:
    # The type and the places, but not str(error): an exception may quote the text that it failed on.
    assert record.exc_info
    kind, _, trace = record.exc_info
    places = []
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_qualname}")
        trace = trace.tb_next
    return f"{kind.__name__ if kind else 'exception'} at {' > '.join(places)}"


def configure() -> None:
    """Send every log record of the process through the JSON formatter."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
