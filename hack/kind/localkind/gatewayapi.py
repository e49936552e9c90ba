"""The Gateway API's own definitions, from its Go module: for tests with HTTPRoutes."""

import json
import shutil
from pathlib import Path

from . import cache, golang
from .shell import answer

_MODULE = Path(__file__).parent.parent / "go" / "gateway-api"


def ensure() -> Path:
    """The folder of the CRDs of GatewayClass, Gateway and HTTPRoute; fetched if there is none for this go.mod."""
    entry = cache.root() / "gateway-api" / cache.key(_MODULE)
    if not entry.exists():
        with cache.lock("gateway-api"):
            if not entry.exists():
                with cache.complete_or_absent(entry) as unfinished:
                    _fetch(unfinished)
                cache.keep_newest(entry.parent, "*", entry)
    return entry


def _fetch(target: Path) -> None:
    go = golang.ensure(at_least=golang.required_by(_MODULE / "go.mod"))
    modules = cache.root() / "gateway-api" / "modules.unfinished"
    env = {**golang.SETTINGS, "GOMODCACHE": str(modules)}
    fetched = json.loads(answer([go, "mod", "download", "-json", "sigs.k8s.io/gateway-api"], env=env, cwd=_MODULE))
    target.mkdir(exist_ok=True)
    for plural in ("gatewayclasses", "gateways", "httproutes"):
        shutil.copy(Path(fetched["Dir"], "config/crd/standard", f"gateway.networking.k8s.io_{plural}.yaml"), target)
    shutil.rmtree(modules)
