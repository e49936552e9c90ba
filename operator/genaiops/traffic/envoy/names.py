"""Names and small structs that the parts of Envoy's configuration share (Envoy API v3)."""

from typing import Any

Config = dict[str, Any]

HTTP_PORT = 8080
ADMIN_PORT = 9901
READ_ONLY_PORT = 9902

CONFIG_DIRECTORY = "/etc/envoy"
ROUTES = "gateway"
SPLIT = "split"
"""The route of all requests that no other route takes."""
TESTERS = "testers"
"""The routes of requests that go to the candidate at any weight."""

_FALLBACK = "/else/"


def with_fallback(candidate: str, stable: str) -> str:
    """The cluster that sends to the candidate and, while it has no healthy pod, to stable."""
    return f"{candidate}{_FALLBACK}{stable}"


def release_of(cluster: str) -> str:
    """The release that a cluster of the routes is meant for."""
    return cluster.split(_FALLBACK)[0]


def typed(message: str, **fields: Any) -> Config:
    """A protobuf Any; ``message`` is the full name of its type."""
    return {"@type": f"type.googleapis.com/{message}", **fields}


def extension(name: str, message: str, **fields: Any) -> Config:
    """A configured extension of Envoy."""
    return {"name": name, "typed_config": typed(message, **fields)}


def address(host: str, port: int) -> Config:
    """A TCP address."""
    return {"socket_address": {"address": host, "port_value": port}}


def watched_file(name: str) -> Config:
    """A file of the ConfigMap as a source of configuration.

    The kubelet replaces a mounted ConfigMap by moving the symlink `..data`; Envoy has to watch the directory for
    that move, as the files in it never change themselves.
    """
    return {
        "path_config_source": {
            "path": f"{CONFIG_DIRECTORY}/{name}",
            "watched_directory": {"path": CONFIG_DIRECTORY},
        },
        "resource_api_version": "V3",
    }
