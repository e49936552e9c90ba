"""What a suite's rows and results are kept in: ConfigMaps and volumes of users, which nobody watches."""

from base64 import b64decode

from genaiops.api.dataset import Dataset
from genaiops.api.evaluation import EvaluationSuiteSpec
from genaiops.controller.cluster import Cluster
from genaiops.controller.kinds import CLAIMS, CONFIG_MAPS


class MissingError(Exception):
    """What a suite names is not there; `reason` is that of a condition, the message begins with the field."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


async def rows_held(cluster: Cluster, namespace: str, dataset: Dataset) -> bytes | None:
    """The content of the dataset's ConfigMap key, None where the rows are elsewhere. Raises MissingError."""
    ref = dataset.config_map_ref
    if ref is None:
        return None
    found = await cluster.find(CONFIG_MAPS, namespace, ref.name)
    field = "spec.dataset.configMapRef"
    if found is None:
        raise MissingError(
            "ConfigMapNotFound", f"{field}.name: there is no ConfigMap {ref.name!r}; create it or correct the name"
        )
    data: dict[str, bytes] = {name: text.encode() for name, text in (found.get("data") or {}).items()}
    data |= {name: b64decode(text) for name, text in (found.get("binaryData") or {}).items()}
    if ref.key not in data:
        known = ", ".join(sorted(data)) or "none"
        raise MissingError(
            "ConfigMapKeyNotFound", f"{field}.key: ConfigMap {ref.name!r} has no key {ref.key!r}; it has {known}"
        )
    return data[ref.key]


async def require_volumes(cluster: Cluster, namespace: str, suite: EvaluationSuiteSpec) -> None:
    """Raises MissingError where a PersistentVolumeClaim that the suite names is not there."""
    volume, store = suite.dataset.volume, suite.store
    claims = {"spec.dataset.volume.claim": volume.claim if volume else None, "spec.store.claim": store and store.claim}
    for field, claim in claims.items():
        if claim and await cluster.find(CLAIMS, namespace, claim) is None:
            message = f"{field}: there is no PersistentVolumeClaim {claim!r}; create it or correct the name"
            raise MissingError("PersistentVolumeClaimNotFound", message)


def looks_again(suite: EvaluationSuiteSpec) -> bool:
    """Whether it names anything that comes and goes without being told of."""
    return bool(suite.dataset.config_map_ref or suite.dataset.volume or (suite.store and suite.store.claim))
