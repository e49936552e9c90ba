"""The cluster as kubectl would reach it: raw objects, and errors that say what to do."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yaml import YAMLError

from genaiops.api import GROUP
from genaiops.cli.failure import Failure, Refused
from genaiops.controller.kinds import BY_KIND, Resource

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from urllib3 import BaseHTTPResponse

Raw = dict[str, Any]
"""An object as the API server sent it."""

_CONNECT: Final = 10.0
_ANSWER: Final = 30.0
_WATCH: Final = 60
"""Seconds a watch lasts before it is renewed: a connection that died silently is noticed soon after."""
_REVIEW: Final = Resource("SelfSubjectReview", "selfsubjectreviews", "authentication.k8s.io")
_BY_A_WEBHOOK: Final = re.compile(r"admission webhook \S+ denied the request: ")


@dataclass
class Choice:
    """Which cluster and namespace, as given on the command line; None: what the kubeconfig says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


@dataclass(frozen=True)
class Query:
    """Objects of one kind in the namespace. `optional`: without the permission to read them, it goes on without."""

    kind: str
    labels: str = ""
    name: str = ""
    optional: bool = False

    def parameters(self) -> dict[str, str]:
        """As parameters of a list or a watch."""
        given = {"labelSelector": self.labels, "fieldSelector": f"metadata.name={self.name}" if self.name else ""}
        return {key: value for key, value in given.items() if value}


class Refusal(Failure):
    """The API server's own no, with the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    """A connection with a namespace. Every method raises Failure where the cluster can't be reached or refuses."""

    def __init__(self, client: "ApiClient", namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    @classmethod
    def connect(cls, choice: Choice) -> "Cluster":
        """Read the kubeconfig; nothing is sent yet."""
        # Here and not above: half a second that `lint` and completion don't need.
        from kubernetes.client import ApiClient, Configuration
        from kubernetes.config import KUBE_CONFIG_DEFAULT_LOCATION, ConfigException
        from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

        paths = choice.kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION
        settings = Configuration()
        settings.retries = False
        try:
            merged = KubeConfigMerger(paths)  # type: ignore[no-untyped-call]
            if merged.config is None:
                raise Failure(f"there is no kubeconfig at {paths}; name one with --kubeconfig or KUBECONFIG")
            loader = KubeConfigLoader(  # type: ignore[no-untyped-call]
                merged.config, choice.context, config_base_path=None, config_persister=merged.save_changes
            )
            loader.load_and_set(settings)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError, YAMLError) as error:
            raise Failure(f"can't use the kubeconfig: {error}") from error
        namespace = loader.current_context["context"].get("namespace")
        return cls(ApiClient(settings), choice.namespace or namespace or "default")

    def get(self, kind: str, name: str) -> Raw:
        """One object."""
        return _object(self._send("GET", BY_KIND[kind].path(self.namespace, name), what=(kind, name)))

    def find(self, kind: str, name: str) -> Raw | None:
        """One object, or None where there is none of that name."""
        found, _ = self.list(Query(kind, name=name))
        return found[0] if found else None

    def list(self, query: Query, *, all_namespaces: bool = False) -> tuple[list[Raw], str]:
        """The objects of a query, and the version from which to watch them."""
        path = BY_KIND[query.kind].path(None if all_namespaces else self.namespace)
        answer = _object(self._send("GET", path, query.parameters(), what=(query.kind, "")))
        return answer["items"], answer["metadata"]["resourceVersion"]

    def watch(self, query: Query, version: str) -> Iterator[Raw]:
        """Events since a version, by the API's watch, until it has to be renewed. Raises Refusal 410: list anew."""
        parameters = {
            **query.parameters(),
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH),
        }
        path = BY_KIND[query.kind].path(self.namespace)
        response = self._send("GET", path, parameters, what=(query.kind, ""), seconds=_WATCH + 15)
        for line in self._lines(response):
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise Refusal(event["object"].get("code", 0), event["object"].get("message", "the watch failed"))
            yield event

    def create(self, manifest: Raw) -> Raw:
        """Create an object; as it is then."""
        kind = manifest["kind"]
        return _object(self._send("POST", BY_KIND[kind].path(self.namespace), what=(kind, ""), body=manifest))

    def log(self, pod: str, container: str) -> Iterator[bytes]:
        """The lines of a container's log, as far as the node keeps it."""
        path = f"{BY_KIND['Pod'].path(self.namespace, pod)}/log"
        return self._lines(self._send("GET", path, {"container": container}, what=("Pod", pod)))

    def ask(self, service: str, port: int, path: str, parameters: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """Body and headers (lower case) of what a Service answers, through the API server."""
        address = f"{BY_KIND['Service'].path(self.namespace, f'http:{service}:{port}')}/proxy{path}"
        answer = self._send("GET", address, parameters, what=("Service", service))
        return answer.read().decode(), {name.lower(): value for name, value in answer.headers.items()}

    def username(self) -> str:
        """Who the API server takes us for."""
        body = {"apiVersion": _REVIEW.api_version, "kind": _REVIEW.kind}
        answer = _object(self._send("POST", _REVIEW.path(), what=(_REVIEW.kind, ""), body=body))
        return str(answer["status"]["userInfo"].get("username", ""))

    def _send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        what: tuple[str, str],
        body: Raw | None = None,
        seconds: float = _ANSWER,
    ) -> "BaseHTTPResponse":
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        request = self._client.param_serialize(
            method,
            path,
            query_params=list((parameters or {}).items()),
            header_params={"Accept": "application/json, */*", "Content-Type": "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            called = self._client.call_api(*request, _request_timeout=(_CONNECT, seconds))
            answer: BaseHTTPResponse = called.response
            if 200 <= answer.status <= 299:
                return answer
            refusal = answer.read().decode(errors="replace")
        except (ApiException, HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        raise self._refused(answer.status, refusal, *what)

    def _lines(self, response: "BaseHTTPResponse") -> Iterator[bytes]:
        from urllib3.exceptions import HTTPError

        rest = b""
        try:
            for chunk in response.stream(None):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line for line in lines if line.strip())
            if rest.strip():
                yield rest
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        finally:
            response.close()

    def _unreachable(self, error: Exception) -> Failure:
        reason = getattr(error, "reason", None) or error
        return Failure(
            f"can't reach the cluster at {self._client.configuration.host}: {reason}; "
            "is it running, and is the context right (kubectl config current-context)?"
        )

    def _refused(self, status: int, body: str, kind: str, name: str) -> Failure:
        try:
            said = json.loads(body)
        except ValueError:
            # Something in front of the API server answers in its own words.
            said = {"message": body[:200]}
        inner = said.get("error")
        told = inner.get("message") if isinstance(inner, dict) else None
        message = said.get("message") or told or f"the API server answered {status}"
        if denied := _BY_A_WEBHOOK.match(message):
            message = message[denied.end() :]
            return Refused(message) if status == 400 else Refusal(status, message)
        if status == 401:
            message = "the cluster does not accept your credentials; log in again, or choose another --context"
        elif status == 403 and kind != "Service":
            role = "the role edit or genaiops-approver" if kind == "ReleaseAction" else "the role view"
            message = f"{message}; ask for {role} in this namespace"
        elif status == 404 and name and said.get("details", {}).get("name") == name:
            message = f"there is no {kind} {name!r} in namespace {self.namespace!r}"
            message += "; `kubectl genaiops get -A` lists the apps there are" if kind == "LLMApp" else ""
        elif status == 404 and BY_KIND[kind].group == GROUP:
            message = f"this cluster does not know the kind {kind}: install the operator first (docs/install.md)"
        return Refusal(status, message)


def _object(response: "BaseHTTPResponse") -> Raw:
    value = json.loads(response.read())
    assert isinstance(value, dict)
    return value
