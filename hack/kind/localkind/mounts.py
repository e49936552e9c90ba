"""Mounts below a folder, as an engine leaves them when it is killed."""

import re
from pathlib import Path

from .shell import run


def below(folder: Path, mountinfo: str) -> list[str]:
    """Mount points at or below `folder`, the deepest first, from the content of /proc/self/mountinfo."""
    points = []
    for line in mountinfo.splitlines():
        # The kernel writes blanks and the like in paths as octal.
        point = re.sub(r"\\([0-7]{3})", lambda escaped: chr(int(escaped[1], 8)), line.split()[4])
        if point == str(folder) or point.startswith(f"{folder}/"):
            points.append(point)
    # Later mounts lie on top of earlier ones, also at the same point.
    return points[::-1]


def unmount_below(folder: Path) -> None:
    for point in below(folder, Path("/proc/self/mountinfo").read_text()):
        run(["umount", point])
