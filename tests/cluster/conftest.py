"""Fixtures of the tests that need a real API server."""

from collections.abc import Iterator

import pytest
from controlplane import ControlPlane, built_tools
from kubernetes import client


@pytest.fixture(scope="session")
def controlplane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the CRDs: one for all tests of a pytest-xdist worker."""
    with ControlPlane(tmp_path_factory.mktemp("controlplane"), built_tools()) as running:
        yield running


@pytest.fixture(scope="session")
def admin(controlplane: ControlPlane) -> Iterator[client.ApiClient]:
    """The administrator's client."""
    with controlplane.client() as api:
        yield api


@pytest.fixture
def namespace(admin: client.ApiClient) -> Iterator[str]:
    """A namespace of the test's own."""
    core = client.CoreV1Api(admin)
    name = core.create_namespace({"metadata": {"generateName": "test-"}}).metadata.name
    yield name
    core.delete_namespace(name)
