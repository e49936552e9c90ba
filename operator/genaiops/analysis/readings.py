"""What one measurement brings: counters of pods, and values of metrics of the team's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from genaiops.api.llmapp_status import Measurement, PodCounters


@dataclass(frozen=True)
class Readings:
    """What was read in one go of both releases.

    `pods` are all live ones. A pod is live while its runtime container runs; one that was never ready has served nobody
    and may be left out.
    """

    pods: Mapping[str, tuple[str, PodCounters]]
    """By pod uid: ``candidate`` or ``stable``, and the counters."""
    failures: tuple[str, ...] = ()
    """Live pods that could not be read, and why."""
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    """By metric: the newest measurement of what does not come from pods."""
