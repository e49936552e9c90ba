"""The gateway's ConfigMap: one file that needs a restart, two that Envoy swaps while it runs."""

import hashlib
import json

import yaml

from genaiops.traffic.envoy.bootstrap import bootstrap
from genaiops.traffic.envoy.clusters import clusters
from genaiops.traffic.envoy.names import Config, typed
from genaiops.traffic.envoy.routes import route_configuration
from genaiops.traffic.envoy.target import GatewayRoutes

BOOTSTRAP_FILE = "envoy.yaml"
CLUSTERS_FILE = "cds.yaml"
ROUTES_FILE = "rds.yaml"


def gateway_config(app: str, namespace: str, routes: GatewayRoutes) -> dict[str, str]:
    """The data of the gateway's ConfigMap: file name → YAML.

    A change of weights changes the routes file alone; `envoy.yaml` depends on nothing but the app's name.
    """
    return {
        BOOTSTRAP_FILE: _yaml(bootstrap(app, namespace)),
        CLUSTERS_FILE: _yaml(_discovery_response("envoy.config.cluster.v3.Cluster", clusters(routes))),
        ROUTES_FILE: _yaml(
            _discovery_response("envoy.config.route.v3.RouteConfiguration", [route_configuration(app, routes)])
        ),
    }


def routes_version(config: dict[str, str]) -> str:
    """The version of the routes in a ConfigMap's data; Envoy reports it once they are live."""
    version: str = yaml.load(config[ROUTES_FILE], Loader=yaml.CSafeLoader)["version_info"]
    return version


def _discovery_response(message: str, resources: list[Config]) -> Config:
    content = json.dumps(resources, sort_keys=True, separators=(",", ":"))
    return {
        "version_info": hashlib.sha256(content.encode()).hexdigest()[:16],
        "resources": [typed(message, **resource) for resource in resources],
    }


def _yaml(value: Config) -> str:
    # libyaml: every reconciliation of every app comes through here, and Python's own dumper takes 20 ms for it.
    text: str = yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True)
    return text
