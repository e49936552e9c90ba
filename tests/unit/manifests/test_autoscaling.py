"""The example of an autoscaler: what it asks for is what runtimes count, under the names that Prometheus gives it."""

import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import generate_latest

from genaiops.api import API_VERSION
from genaiops.manifests.labels import APP, COMPONENT, RELEASE, RUNTIME, owner
from genaiops.manifests.release import METRICS_PORT, deployment
from genaiops.runtime.metrics import Metrics
from manifests.releases import release

EXAMPLES = Path(__file__).parents[3] / "examples/autoscaling"


def example(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())


def asked_for() -> tuple[str, dict[str, str]]:
    """Name and labels of the metric that the autoscaler asks for."""
    (metric,) = example("support")["spec"]["metrics"]
    asked = metric["external"]["metric"]
    return asked["name"], asked["selector"]["matchLabels"]


def test_the_autoscaler_asks_for_what_the_adapter_has_and_that_for_what_a_runtime_counts() -> None:
    (rule,) = example("settings/adapter")["externalRules"]
    name, selected = asked_for()
    counted = generate_latest(Metrics([], []).registry).decode()

    series, age = re.findall(r'^(\w+)\{(older_than="[^"]+")', rule["seriesQuery"])[0]
    assert series == name
    assert f"{name}{{{age}}} 0.0" in counted.splitlines()
    assert age in rule["metricsQuery"]
    (kept,) = re.findall(r"sum by \((.*?)\)", rule["metricsQuery"])
    assert {*selected} <= {*kept.split(", ")}


def test_prometheus_finds_the_pods_by_their_labels_and_their_port() -> None:
    (job,) = example("settings/prometheus")["scrape_configs"]
    template = deployment("bot-1", "shop", release(), 1, owner("LLMApp", "bot", "1"))["spec"]["template"]
    ports = {port["name"]: port["containerPort"] for pod in template["spec"]["containers"] for port in pod["ports"]}

    (selector,) = job["kubernetes_sd_configs"][0]["selectors"]
    assert selector["label"] == f"{COMPONENT}={RUNTIME}"
    assert template["metadata"]["labels"][COMPONENT] == RUNTIME
    (port,) = (rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep")
    assert ports[port] == METRICS_PORT
    read = {rule["target_label"]: rule["source_labels"][0] for rule in job["relabel_configs"] if "target_label" in rule}
    for label, source in (("app", APP), ("release", RELEASE)):
        # Prometheus writes _ for what no name of a label may have.
        assert read[label] == "__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", source)
        assert source in template["metadata"]["labels"]


def test_it_scales_an_app() -> None:
    assert example("support")["spec"]["scaleTargetRef"] == {
        "apiVersion": API_VERSION,
        "kind": "LLMApp",
        "name": "support",
    }
