"""How each release does on live answers, with intervals: what a person reads. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from genaiops.api.base import format_time
from genaiops.intervals import wilson

Rows = Sequence[Mapping[str, Any]]


def summary(samples: Rows, judgements: Rows, feedback: Rows) -> list[dict[str, Any]]:
    """One object per release, the one that was heard of last first. Shares have their interval at 95 % (Wilson)."""
    releases: dict[str, dict[str, Any]] = {}
    last: dict[str, int] = {}
    for row in (*samples, *feedback):
        name = row["release"]
        last[name] = max(last.get(name, 0), row["last"])
        releases.setdefault(
            name, {"release": name, "samples": 0, "flagged": 0, "waiting": 0, "evaluators": [], "feedback": None}
        )
    for row in samples:
        releases[row["release"]] |= {name: int(row[name]) for name in ("samples", "flagged", "waiting")}
    for row in sorted(judgements, key=lambda row: str(row["evaluator"])):
        judged, errors = int(row["judged"]), int(row["errors"])
        releases[row["release"]]["evaluators"].append(
            {
                "name": row["evaluator"],
                "judged": judged,
                "errors": errors,
                "score": _rounded(row["score"]),
                "defects": _share(int(row["defects"]), judged),
            }
        )
    for row in feedback:
        up, down = int(row["up"]), int(row["down"])
        releases[row["release"]]["feedback"] = {
            "up": up,
            "down": down,
            "comments": int(row["comments"]),
            "corrections": int(row["corrections"]),
            "score": _rounded(row["score"]),
            "negative": _share(down, up + down),
        }
    for name, told in releases.items():
        told["last"] = format_time(datetime.fromtimestamp(last[name] / 1000, UTC))
    return [releases[name] for name in sorted(releases, key=lambda name: (-last[name], name))]


def _share(hits: int, count: int) -> dict[str, Any] | None:
    if not count:
        return None
    share = wilson(hits, count)
    return {
        "count": hits,
        "of": count,
        "share": round(share.value, 4),
        "lower": round(share.lower, 4),
        "upper": round(share.upper, 4),
    }


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 3)
