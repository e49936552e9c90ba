"""What was measured, and the table of it."""

import os
import statistics
from dataclasses import dataclass, field


@dataclass
class Figures:
    """What was measured of one contestant."""

    burst: list[float] = field(default_factory=list)
    """Seconds from a new object to its child, all made at once."""
    change: list[float] = field(default_factory=list)
    """Seconds from a change of one object to its new child, one at a time."""
    megabytes: float = 0.0
    idle_percent: float = 0.0
    idle_writes: int = 0
    reconcile_milliseconds: dict[int, float] = field(default_factory=dict)
    """Processor time of a reconcile that finds nothing to do, watch included, by the number of apps."""


def print_table(measured: dict[str, Figures], apps: int) -> None:
    rows = {
        f"{apps} new objects at once → child, p50 / p95 s": lambda f: percentiles(f.burst, "{:.1f}"),
        "change at rest → new child, p50 / p95 s": lambda f: percentiles(f.change, "{:.3f}"),
        "memory at rest, MB": lambda f: f"{f.megabytes:.0f}",
        "processor at rest, % of a core": lambda f: f"{f.idle_percent:.2f}",
        "writes at rest in half a minute, leases aside": lambda f: str(f.idle_writes),
        "processor of a reconcile, ms": lambda f: (
            ", ".join(f"{value:.1f} at {size} apps" for size, value in f.reconcile_milliseconds.items()) or "not told"
        ),
    }
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average at the end {load}\n")  # noqa: T201
    print(f"| | {' | '.join(measured)} |\n|-|{'-|' * len(measured)}")  # noqa: T201
    for title, value in rows.items():
        print(f"| {title} | {' | '.join(map(value, measured.values()))} |")  # noqa: T201


def percentiles(samples: list[float], form: str) -> str:
    cuts = statistics.quantiles(samples, n=20, method="inclusive")
    return f"{form.format(statistics.median(samples))} / {form.format(cuts[18])}"
