"""x"""
GATEWAY_ARGS = ["--config-path", "/etc/envoy/envoy.yaml", "--concurrency", "2", "--disable-hot-restart", "--log-level", "warning"]
