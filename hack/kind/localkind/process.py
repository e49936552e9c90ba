"""Finding and ending processes of ours, and only ours.

A process is taken for ours when its own command line names our run folder, which holds nothing of anybody
else's. That needs no pid file, so it stays right after a crash, a reboot or a reused pid.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .problem import Problem


@dataclass(frozen=True)
class Process:
    pid: int
    command: tuple[str, ...]

    @property
    def program(self) -> str:
        return Path(self.command[0]).name


def all_processes(proc: Path = Path("/proc")) -> Iterator[Process]:
    """Every process that has a command line; ended ones and kernel threads have none."""
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            if command:
                yield Process(int(folder.name), tuple(command.decode(errors="replace").rstrip("\0").split("\0")))


def that_name(folder: Path, program: str, proc: Path = Path("/proc")) -> list[Process]:
    """The processes of this program that were told to use `folder` or something in it."""
    return [
        process
        for process in all_processes(proc)
        if process.program == program and any(_inside(argument, folder) for argument in process.command[1:])
    ]


def _inside(argument: str, folder: Path) -> bool:
    """Whether an argument is, or ends in (`--root=/a/b`, `unix:///a/b`), a path in the folder."""
    path = argument.split("=", 1)[-1].removeprefix("unix://")
    return path == str(folder) or path.startswith(f"{folder}/")


def end(folder: Path, program: str, patience: float) -> None:
    """Ask our processes of this program to end; after `patience` seconds, kill them."""
    for process in that_name(folder, program):
        _signal(process.pid, signal.SIGTERM)
    if not wait_until(lambda: not that_name(folder, program), patience):
        for process in that_name(folder, program):
            _signal(process.pid, signal.SIGKILL)
        if not wait_until(lambda: not that_name(folder, program), 10):
            left = [process.pid for process in that_name(folder, program)]
            raise Problem(f"{program} can't be ended (process {left})", "look at it with: ps -fp PID")


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended by itself


def wait_until(condition: Callable[[], bool], patience: float, interval: float = 0.05) -> bool:
    """Wait for a condition that nothing announces; whether it came true in time."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True
