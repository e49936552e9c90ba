"""The configuration of an app's gateway: an Envoy that reads plain files, so it works while the operator is down."""

from genaiops.traffic.envoy.config import gateway_config, routes_version
from genaiops.traffic.envoy.target import Backend, GatewayRoutes

__all__ = ["Backend", "GatewayRoutes", "gateway_config", "routes_version"]
