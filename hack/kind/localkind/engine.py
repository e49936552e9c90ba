"""A Docker engine of our own: from Debian's packages, unpacked into the cache, never installed.

It shares nothing with an engine that the machine may have: own data, own socket, own networks, no default bridge.
Everything it needs while it runs is in one folder below /run, which a reboot empties like the engine itself.
"""

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
from pathlib import Path

from . import cache, debian, footprint, host, mounts, process, programs
from .console import say, step
from .problem import Problem
from .shell import answer, run

_PACKAGES = ["docker.io", "containerd", "runc", "tini"]
# Libraries and commands that the unpacked programs expect on the host.
_REQUIRED = {
    "iptables": "iptables",
    "nftables": "nft",
    "iproute2": "ip",
    "libdevmapper1.02.1": "/usr/share/doc/libdevmapper1.02.1",
    "libseccomp2": "/usr/share/doc/libseccomp2",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
}
_START_PATIENCE = 60.0
_STOP_PATIENCE = 60.0


class Engine:
    """The engine of one cache folder."""

    def __init__(self) -> None:
        # A socket's path may have 107 characters, and a cache folder's may be longer than that.
        self.run_folder = Path("/run/genaiops") / cache.key(str(cache.root()))
        self.data = cache.root() / "engine" / "data"
        self.programs = cache.root() / "engine" / f"programs-{cache.key(*_PACKAGES, programs.cache_key())}"
        self.socket = self.run_folder / "docker.sock"
        self.log = cache.root() / "engine" / "dockerd.log"
        # Shared by the engines of all cache folders: the first one writes it, the last one puts the host back.
        self._before = self.run_folder.parent / "host-before.json"

    @property
    def address(self) -> str:
        return f"unix://{self.socket}"

    @property
    def path(self) -> str:
        """The folders of docker, dockerd, containerd and runc, in the form of PATH."""
        return f"{self.programs}/usr/bin:{self.programs}/usr/sbin"

    def environment(self) -> dict[str, str]:
        """What makes docker and kind use this engine."""
        return {
            "DOCKER_HOST": self.address,
            # Debian's docker has no buildx, which a newer client would look for.
            "DOCKER_BUILDKIT": "0",
            "DOCKER_CONFIG": str(cache.root() / "engine" / "config"),
            "PATH": f"{self.path}:{os.environ['PATH']}",
        }

    def ensure_programs(self) -> None:
        if self.programs.exists():
            return
        host.require_linux_root("a Docker engine of our own")
        with cache.lock("engine-programs"):
            if self.programs.exists():
                return
            debian.require(_REQUIRED, "a Docker engine")
            with cache.complete_or_absent(self.programs) as unfinished:
                with step("Unpacking a Docker engine from Debian's packages"):
                    debian.refresh_lists()
                    debian.unpack(_PACKAGES, unfinished)
                shutil.copy2(programs.ensure() / "runc-within-limits", unfinished / "usr" / "sbin")
            # An engine may still run from the one before.
            cache.keep_newest(self.programs.parent, "programs-*", self.programs)

    def answers(self) -> bool:
        """Whether the engine is up and answers."""
        connection = _UnixConnection(self.socket)
        try:
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def ensure_running(self) -> None:
        """Start the engine unless it runs; one that is half dead is cleared away first."""
        if self.answers():
            return
        with cache.lock("engine"):
            if self.answers():
                return
            host.require_linux_root("a Docker engine of our own")
            host.require_overlay_file_system()
            debian.require(_REQUIRED, "a Docker engine")
            self.ensure_programs()
            self._end_daemons()
            self._remember_host()
            footprint.prepare_host()
            self._start()

    def _remember_host(self) -> None:
        self.run_folder.mkdir(parents=True, exist_ok=True)
        self.run_folder.chmod(0o700)
        if not self._before.exists():
            footprint.Before.of_host().save(self._before)

    def _start(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        (cache.root() / "engine" / "config").mkdir(exist_ok=True)
        for stale in (self.socket, self.run_folder / "docker.pid"):
            stale.unlink(missing_ok=True)
        with step("Starting a Docker engine"), self.log.open("w") as log:
            # A session of its own, or it would end with the terminal that started it.
            daemon = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment()},
                start_new_session=True,
            )
            process.wait_until(lambda: self.answers() or daemon.poll() is not None, _START_PATIENCE)
            if not self.answers():
                tail = "\n".join(f"    {line}" for line in self.log.read_text().splitlines()[-15:])
                raise Problem(f"the Docker engine does not start:\n{tail}", f"see {self.log} for all of it")

    def _command(self) -> list[str]:
        command = [
            str(self.programs / "usr" / "sbin" / "dockerd"),
            f"--host={self.address}",
            f"--data-root={self.data}",
            f"--exec-root={self.run_folder}/exec",
            f"--pidfile={self.run_folder}/docker.pid",
            # No docker0: an engine that the machine already has may own it, and kind makes its own network.
            "--bridge=none",
            f"--default-address-pool=base={footprint.free_address_pool(footprint.host_routes())},size=24",
            "--ip6tables=false",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            "--storage-driver=overlay2",
        ]
        if not host.has_capability(host.CAP_SYS_RESOURCE):
            wrapper = self.programs / "usr" / "sbin" / "runc-within-limits"
            command += ["--oom-score-adjust=0", f"--add-runtime=limited={wrapper}", "--default-runtime=limited"]
        return command

    def stop(self) -> None:
        """End the engine with all its containers and networks, and put the host back as it was."""
        with cache.lock("engine"):
            if not self.run_folder.exists():
                return
            if not self.answers() and self.programs.exists():
                # It was killed. Only an engine can end its containers in order, so it gets up once more.
                self._end_daemons()
                self._start()
            with step("Stopping the Docker engine"):
                self._remove_containers_and_networks()
                self._end_daemons()
                process.end(self.run_folder, "containerd-shim-runc-v2", _STOP_PATIENCE)
                mounts.unmount_below(self.run_folder)
                mounts.unmount_below(self.data)
                shutil.rmtree(self.run_folder)
                self._restore_host()

    def _remove_containers_and_networks(self) -> None:
        docker = self.programs / "usr" / "bin" / "docker"
        if containers := answer([docker, "ps", "--all", "--quiet"], env=self.environment()).split():
            run([docker, "rm", "--force", "--volumes", *containers], env=self.environment())
        networks = answer([docker, "network", "ls", "--quiet", "--filter=type=custom"], env=self.environment())
        for network in networks.split():
            run([docker, "network", "rm", network], env=self.environment())

    def _end_daemons(self) -> None:
        """The engine without its containers: those have keepers of their own, which the next engine finds again."""
        for program in ("dockerd", "containerd"):
            process.end(self.run_folder, program, _STOP_PATIENCE)

    def _restore_host(self) -> None:
        others = [each.pid for each in process.all_processes() if each.program == "dockerd"]
        if others:
            say(f"  another Docker engine runs (process {others[0]}): its packet filter rules stay")
        else:
            footprint.restore(footprint.Before.load(self._before))
            self._before.unlink()
            # Made by the daemons at fixed places; whatever is not empty is someone else's.
            for folder in ("genaiops", "containerd/s", "containerd", "docker/plugins", "docker"):
                with contextlib.suppress(OSError):
                    Path("/run", folder).rmdir()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system, as Docker's engine speaks it."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
