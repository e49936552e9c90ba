"""The evaluator as its pod runs it: a process with files, between releases on loopback."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

from genaiops.api.evaluation import EvaluationSummary
from genaiops.evaluation.places import Places
from genaiops.evaluation.process import serve

MODEL = {
    "name": "gpt",
    "provider": "OpenAI",
    "model": "gpt-4o-mini",
    "endpoint": "http://llm/v1",
    "pricing": {"inputPerMillion": "1", "outputPerMillion": "2"},
}
PATIENCE = 120


def rows(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Questions that a parrot answers right."""
    return [{"id": f"r{n}", "query": f"question {n}", "expected": f"question {n}", **fields} for n in range(count)]


@dataclass
class Pod:
    """One run and the folders of its pod; `start` may be called again, as the kubelet does."""

    folder: Path
    suite: dict[str, Any]
    release: str
    baseline: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    """Other fields of the run."""
    written: str | None = None
    """What stands in the run's file instead."""
    patience: float = 20
    process: subprocess.Popen[str] | None = None
    port: int = 0

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def start(self) -> Self:
        """As a process."""
        places = self._prepare()
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(places).items()]
        command = [sys.executable, "-m", "genaiops.evaluation", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return self

    def finish(self) -> EvaluationSummary:
        """From its start to its result, in this process."""
        assert asyncio.run(serve(self._prepare())) == 0
        return self.said()

    def _prepare(self) -> Places:
        run = {
            "evaluation": "golden-1",
            "uid": "u1",
            "namespace": "shop",
            "app": "support",
            "release": "support-bbbbbbbbbb",
            "releaseAddress": self.release,
            "model": MODEL,
            "baselineModel": MODEL,
            "suite": {"evaluators": [{"name": "exact", "type": "ExactMatch"}], **self.suite},
            **({"baseline": "support-aaaaaaaaaa", "baselineAddress": self.baseline} if self.baseline else {}),
            **self.changes,
        }
        (self.folder / "run.json").write_text(self.written or json.dumps(run))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        return Places(
            run=self.folder / "run.json",
            config_map=self.folder / "config-map",
            volume=self.folder / "volume",
            results=self.folder / "results",
            secrets=self.folder / "secrets",
            credentials=self.folder / "credentials",
            pipes=self.folder / "pipes",
            termination=self.folder / "termination-log",
            port=self.port,
            patience=self.patience,
        )

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Exit code, and what it logged."""
        assert self.process
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]

    def said(self) -> EvaluationSummary:
        """Its termination message."""
        return EvaluationSummary.model_validate_json((self.folder / "termination-log").read_bytes())

    def progress(self) -> EvaluationSummary | None:
        """What it says of how far it is; None before it says anything."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/progress", timeout=5) as answer:
                return EvaluationSummary.model_validate_json(answer.read())
        except OSError:
            return None

    def await_done(self, count: int) -> EvaluationSummary:
        """Wait until so many rows are done."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process and self.process.poll() is None:
            said = self.progress()
            if said and said.done >= count:
                return said
            time.sleep(0.02)
        raise AssertionError(f"{count} rows were not done: {self.process}")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        """End it; its exit code."""
        assert self.process
        os.kill(self.process.pid, how)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode

    def records(self) -> list[dict[str, Any]]:
        """The rows on disk."""
        return [json.loads(line) for line in (self.results / "rows.jsonl").read_text().splitlines()]
