"""A PostgreSQL server of a test's own on loopback, where its programs are installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import lasting_port


def programs() -> Path | None:
    """The folder of initdb and postgres, also where a distribution keeps them off the PATH."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve()] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a server that ends with the block. PostgreSQL refuses to run as root."""
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    home = Path(tempfile.mkdtemp(prefix="genaiops-postgres-"))
    shutil.chown(home, user)
    data, port = home / "data", lasting_port()
    try:
        subprocess.run(
            [folder / "initdb", "-D", data, "-U", "quality", "--auth=trust", "--no-sync"],
            user=user,
            cwd=home,
            check=True,
            capture_output=True,
        )
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home}", "-c", "fsync=off"]
        process = subprocess.Popen(
            [folder / "postgres", "-D", data, "-p", str(port), *settings],
            user=user,
            cwd=home,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        try:
            said = next((line for line in process.stderr if "ready to accept connections" in line), None)
            assert said, "PostgreSQL did not start"
            yield f"postgresql://quality@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.communicate(timeout=20)
    finally:
        shutil.rmtree(home)
