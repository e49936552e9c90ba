"""What the stories of the command line share: a cluster, and a terminal to type into."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli import given
from cli.apiserver import ApiServer, serving
from genaiops.cli.commands import run


@dataclass(frozen=True)
class Printed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Type = Callable[..., Printed]


@contextmanager
def meanwhile(story: Callable[[], None]) -> Iterator[None]:
    """What happens to the cluster while a command runs; what it raises, the test raises."""
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(story)
        yield
        told.result(20)


@pytest.fixture
def cluster() -> Iterator[ApiServer]:
    """A cluster with an app whose candidate waits for a person."""
    with serving(given.everything()) as api:
        yield api


@pytest.fixture
def offline(capsys: pytest.CaptureFixture[str]) -> Type:
    """Runs a command where there is no cluster."""

    def type_(*arguments: str) -> Printed:
        code = run(arguments)
        printed = capsys.readouterr()
        return Printed(code, printed.out, printed.err)

    return type_


@pytest.fixture
def genaiops(cluster: ApiServer, offline: Type, tmp_path: Path) -> Type:
    """Runs a command against the cluster."""
    kubeconfig = str(cluster.kubeconfig(tmp_path))
    return lambda *arguments: offline("--kubeconfig", kubeconfig, *arguments)
