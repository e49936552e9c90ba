"""Fixtures of the tests that need a real API server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from admission import Installed, installed
from controlplane import ControlPlane
from fixtures import admin as admin
from fixtures import controlplane as controlplane
from harness import Objects, OperatorProcess
from kubernetes import client
from plugin import Genaiops, Kubectl, genaiops_of, install_plugin, kubectl_of
from simulation import DataPlane

LONGEST = ("test_takeover.py", "test_fixpoint.py", "test_rollouts.py", "test_bad_input.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no worker is left with one at the end (needs --no-loadscope-reorder)."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture
def namespace(admin: client.ApiClient) -> Iterator[str]:
    """A namespace of the test's own."""
    core = client.CoreV1Api(admin)
    name = core.create_namespace({"metadata": {"generateName": "test-"}}).metadata.name
    yield name
    core.delete_namespace(name)


@pytest.fixture
def objects(admin: client.ApiClient, namespace: str) -> Objects:
    """The objects of the test's namespace."""
    return Objects(admin, namespace)


@pytest.fixture
async def dataplane(admin: client.ApiClient, namespace: str) -> AsyncIterator[DataPlane]:
    """Plays the pods of the test's namespace."""
    async with DataPlane(admin, namespace).running() as running:
        yield running


@pytest.fixture(scope="module")
def webhook(
    controlplane: ControlPlane, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Installed]:
    """What the chart installs of the webhook, under the name of the tests' file."""
    name = request.path.stem.removeprefix("test_").replace("_", "-")
    with installed(controlplane, name, tmp_path_factory.mktemp("webhook"), namespace="default") as there:
        yield there


@pytest.fixture(scope="module")
def operator_options() -> tuple[str, ...]:
    """More arguments of the operator of a file's tests, for the file to say."""
    return ()


@pytest.fixture(scope="module")
def whole_cluster(
    controlplane: ControlPlane, tmp_path_factory: pytest.TempPathFactory, operator_options: tuple[str, ...]
) -> Iterator[OperatorProcess]:
    """An operator for all namespaces; started once for all tests of a file, which costs seconds."""
    with OperatorProcess(controlplane, tmp_path_factory.mktemp("operator"), options=operator_options) as process:
        yield process


@pytest.fixture
def operator(whole_cluster: OperatorProcess) -> Iterator[OperatorProcess]:
    """That operator, for tests that do it no harm."""
    before = len(whole_cluster.log)
    yield whole_cluster
    print(whole_cluster.log[before:])  # noqa: T201  # shown by pytest where the test failed


@pytest.fixture
def own_operator(controlplane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator for the test's namespace alone, to be killed and started."""
    with OperatorProcess(controlplane, tmp_path, namespace=namespace) as process:
        yield process
    print(process.log)  # noqa: T201  # shown by pytest where the test failed


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of the kubectl plugin."""
    return install_plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def kubectl(plugin: Path, controlplane: ControlPlane, namespace: str, tmp_path: Path) -> Kubectl:
    """Runs kubectl, the administrator's unless told otherwise, in the test's namespace."""
    return kubectl_of(plugin, controlplane.kubeconfig, namespace, tmp_path)


@pytest.fixture
def genaiops(kubectl: Kubectl) -> Genaiops:
    """Runs `kubectl genaiops`."""
    return genaiops_of(kubectl)
