"""Fixtures of the tests with real pods: one cluster for all, a namespace for each test."""

import fcntl
import os
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from kubernetes.client import ApiException
from place import RESTRICTED, Place, custom, eventually

from cluster import Cluster, Environment, bring_up

MODEL_NAMESPACE = "e2e-model"
OF_A_TEST = "genaiops.dev/e2e-test"
PLACE = pytest.StashKey[Place]()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Cluster:
    """The cluster with the operator of this checkout. The first worker of a run brings it up, the others wait."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    prepared = folder / "cluster.json"
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    with (folder / "cluster.lock").open("w") as lock, capture.global_and_fixture_disabled():
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prepared.exists():
            environment = bring_up()
            remove_what_was_left(Cluster(environment))
            prepared.write_text(environment.to_json())
    return Cluster(Environment.from_json(prepared.read_text()))


def remove_what_was_left(cluster: Cluster) -> None:
    """A run that was interrupted left its namespaces."""
    for left in cluster.core.list_namespace(label_selector=OF_A_TEST).items:
        cluster.core.delete_namespace(left.metadata.name)


@pytest.fixture(scope="session")
def endpoint(cluster: Cluster) -> str:
    """The real language model: served by a Model of a namespace that stays for the next run, as the cluster does."""
    try:
        cluster.core.create_namespace({"metadata": {"name": MODEL_NAMESPACE, "labels": RESTRICTED}})
    except ApiException as error:
        if error.status != 409:
            raise
    place = Place(cluster, MODEL_NAMESPACE)
    serving = {
        "image": cluster.images["model-server"],
        "args": ["--ctx-size=8192", "--parallel=4", "--threads=1"],
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
    }
    place.apply(custom("Model", "smollm", model="SmolLM2-135M-Instruct", serving=serving))
    # The Model is ready again while its Deployment still rolls to a new image: only the Deployment knows.
    eventually("the server's Deployment", lambda: place.get("Deployment", "smollm-model"))
    place.kubectl("rollout", "status", "deployment/smollm-model", "--timeout=180s")
    return f"http://smollm-model.{MODEL_NAMESPACE}.svc:8080/v1"


@pytest.fixture
def place(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A namespace of the test's own, under the restricted Pod Security Standard."""
    labels = RESTRICTED | {OF_A_TEST: "true"}
    created = cluster.core.create_namespace({"metadata": {"generateName": "e2e-", "labels": labels}})
    place = Place(cluster, created.metadata.name)
    request.node.stash[PLACE] = place
    # The API server admits pods only once their ServiceAccount is there.
    eventually("the namespace can be used", lambda: place.get("ServiceAccount", "default"))
    yield place
    cluster.core.delete_namespace(place.namespace)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes a sentence with something measured; all are shown at the end of the run."""
    return lambda sentence: record_property("figure", sentence)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its namespace looked like."""
    report = yield
    place = item.stash.get(PLACE, None)
    if report.failed and report.when == "call" and place is not None:
        report.sections.append((f"the cluster, as {item.name} left it", place.explain()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured."""
    figures = [
        f"{report.nodeid.rpartition('::')[2]}: {sentence}"
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        if report.when == "call"
        for name, sentence in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.line(line)
