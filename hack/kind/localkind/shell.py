"""Running other programs: quietly, with their output kept, and shown when they fail."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .problem import Problem

Command = Sequence[str | os.PathLike[str]]
_TAIL = 25


class CommandFailed(Problem):
    """A program ended with a status other than 0; the message carries the end of what it printed."""

    def __init__(self, command: Command, status: int, output: str) -> None:
        tail = "\n".join(f"    {line}" for line in output.strip().splitlines()[-_TAIL:])
        super().__init__(f"`{shlex.join(map(str, command))}` ended with status {status}:\n{tail}")
        self.status = status
        self.output = output


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process' environment with `changes`, and with the folders of administration, which `su` leaves out."""
    merged = {**os.environ, **(changes or {})}
    return {**merged, "PATH": f"{merged.get('PATH', os.defpath)}:/usr/sbin:/sbin"}


def run(
    command: Command,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    each_line: Callable[[str], None] | None = None,
) -> str:
    """Run to the end and return what it printed (stdout and stderr, in order).

    Raises CommandFailed with the end of the output. `each_line` sees every line as it comes.
    """
    with subprocess.Popen(
        [str(part) for part in command],
        env=environment(env),
        cwd=cwd,
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        if stdin is not None:
            assert process.stdin is not None
            process.stdin.write(stdin)
            process.stdin.close()
        lines = []
        for line in process.stdout:
            lines.append(line)
            if each_line:
                each_line(line.rstrip("\n"))
    output = "".join(lines)
    if process.returncode != 0:
        raise CommandFailed(command, process.returncode, output)
    return output


def pipe(source: Command, target: Command, *, env: Mapping[str, str] | None = None) -> None:
    """`source | target`; raises CommandFailed for whichever fails, the target first since it ends the source."""
    with (
        subprocess.Popen(source, env=environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer,
        subprocess.Popen(
            target, env=environment(env), stdin=writer.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as reader,
    ):
        assert writer.stdout is not None
        writer.stdout.close()  # only the reader's copy is left: the writer notices when the reader ends
        reader_errors = reader.communicate()[1]
        writer_errors = writer.communicate()[1]
    for command, process, errors in ((target, reader, reader_errors), (source, writer, writer_errors)):
        if process.returncode != 0:
            raise CommandFailed(command, process.returncode, errors.decode(errors="replace"))


def answer(command: Command, *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """What the program says on stdout alone, stripped. Raises CommandFailed."""
    result = subprocess.run(
        [str(part) for part in command],
        env=environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise CommandFailed(command, result.returncode, result.stdout + result.stderr)
    return result.stdout.strip()


def succeeds(command: Command, *, env: Mapping[str, str] | None = None) -> bool:
    """Whether the program can be run and ends with status 0: for questions, not for work."""
    try:
        answer(command, env=env)
    except (CommandFailed, FileNotFoundError):
        return False
    return True
