"""The Services of an app that has no gateway of its own."""

from collections.abc import Mapping
from typing import Any

from genaiops.api.release import ReleaseSpec
from genaiops.manifests.labels import APP, COMPONENT, GATEWAY, RELEASE, RUNTIME, Object, app_labels, metadata


def stable_service(app: str) -> str:
    """The Service of whatever release is stable."""
    return f"{app}-stable"


def candidate_service(app: str) -> str:
    """The Service of whatever release is the candidate; of the stable one while there is none."""
    return f"{app}-candidate"


def one_release(app: str, release: str) -> dict[str, str]:
    """Selects the pods of a release."""
    return {APP: app, RELEASE: release}


def every_release(app: str) -> dict[str, str]:
    """Selects the pods of all releases of an app."""
    return {APP: app, COMPONENT: RUNTIME}


def service(
    name: str,
    app: str,
    namespace: str,
    *,
    selector: Mapping[str, str],
    serving: ReleaseSpec,
    port: int,
    owner: Mapping[str, Any],
) -> Object:
    """A Service with an address of its own for the pods of `selector`, which serve as `serving` does."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, namespace, app_labels(app, GATEWAY), dict(owner)),
        "spec": {
            "selector": dict(selector),
            "ports": [
                {
                    "name": "http",
                    "port": port,
                    # By its name in the pod: a release's container may serve on another port than the one before.
                    "targetPort": "app" if serving.content.container else "runtime",
                    "protocol": "TCP",
                    "appProtocol": "http",
                }
            ],
        },
    }
