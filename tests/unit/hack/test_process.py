"""Only our own processes are ended."""

import subprocess
import sys
from pathlib import Path

from localkind import process


def proc(tmp_path: Path, *commands: list[str]) -> Path:
    """A /proc with one process for each command line, and a kernel thread, which has none."""
    for number, command in enumerate([[], *commands], start=1):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in command))
    (tmp_path / "self").mkdir()
    return tmp_path


def test_a_process_is_ours_when_its_command_line_names_our_folder(tmp_path: Path) -> None:
    folder = Path("/run/ours")
    found = process.that_name(
        folder,
        "dockerd",
        proc(
            tmp_path,
            ["/opt/sbin/dockerd", "--host=unix:///run/ours/docker.sock"],
            ["dockerd", "--exec-root", "/run/ours"],
        ),
    )
    assert {each.pid for each in found} == {2, 3}


def test_others_are_not_ours(tmp_path: Path) -> None:
    others = proc(
        tmp_path,
        ["/usr/bin/dockerd", "-H", "fd://"],  # the machine's own engine
        ["dockerd", "--exec-root=/run/ours-too"],  # a longer name
        ["vi", "/run/ours/config"],  # someone reads our files
        ["grep", "dockerd", "/run/ours"],
    )
    assert process.that_name(Path("/run/ours"), "dockerd", others) == []


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "stubborn"
    program.symlink_to(sys.executable)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([program, "-c", deaf, tmp_path / "run"], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        process.end(tmp_path / "run", "stubborn", patience=0.3)
        assert stubborn.wait(timeout=30) == -9
