"""The operator as the kubelet runs it: a container that is started again whenever it ends.

Each start is a fork of a process that has imported everything already: a test kills more operators than it could wait
for.
"""

import asyncio
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import kubernetes.aio.config.kube_config
import kubernetes.config.kube_config
from controlplane import ControlPlane
from harness import OperatorProcess

from genaiops.controller.__main__ import main

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["genaiops.controller.__main__"])


class Fork:
    """A process as `subprocess.Popen` shows it."""

    def __init__(self, arguments: Sequence[str], kubeconfig: Path, log: Path) -> None:
        self._process = _context.Process(target=_run, args=(arguments, str(kubeconfig), log), daemon=True)
        self._process.start()

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing where it has ended."""
        if self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Kill it without a chance to clean up."""
        self._process.kill()

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Wait until it ends; its exit code. Raises TimeoutExpired."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("operator", timeout)
        return code


def _run(arguments: Sequence[str], kubeconfig: str, log: Path) -> None:
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    sys.argv[1:] = arguments
    # Both have read KUBECONFIG when they were imported.
    kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION = kubeconfig
    kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION = kubeconfig
    main()


class OperatorInItsPod(OperatorProcess):
    """An operator whose container is started again when it ends, with the same name in the lease."""

    def __init__(self, controlplane: ControlPlane, folder: Path, namespace: str, name: str, kubeconfig: Path) -> None:
        super().__init__(controlplane, folder, namespace=namespace, name=name, kubeconfig=kubeconfig)
        self.restarts = 0

    def start(self) -> Self:
        """Start it; it leads once the lease is its own."""
        self._process = Fork(self._arguments_of_this_start(), self._kubeconfig, self._log)  # type: ignore[assignment]
        return self

    @property
    def identity(self) -> str:
        """Its name in the lease: the pod's."""
        return self.user

    def dies(self) -> None:
        """It is killed, without a chance to clean up; the kubelet starts it again."""
        assert self._process is not None
        self._process.kill()

    async def keep_running(self) -> None:
        """What the kubelet does."""
        while True:
            if self._process is not None and self._process.poll() is not None:
                self.restarts += 1
                self.start()
            await asyncio.sleep(0.1)
