"""Fixtures of every test that needs a real API server, also of those in tests/faults."""

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
