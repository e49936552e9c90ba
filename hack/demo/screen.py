"""What the demo shows while it runs: a live panel on a terminal, lines elsewhere."""

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from traffic import Traffic

_COLOURS = {"Healthy": "green", "Progressing": "cyan", "Paused": "yellow", "Degraded": "red", "Pending": "cyan"}
_MARKS = {"Successful": "[green]✓[/]", "Failed": "[red]✗[/]", "Inconclusive": "[yellow]…[/]", "Error": "[red]![/]"}
_BAR = 40


class Screen:
    """The app's status and its customers, drawn."""

    def __init__(self, console: Console, traffic: Traffic) -> None:
        self.console = console
        self._traffic = traffic
        self._live: Live | None = None
        self._last = ""
        self._told_at = 0.0
        self._with_candidate: dict[str, Any] | None = None
        self.prompts: dict[str, str] = {}
        """Prompt version by release."""

    @contextmanager
    def live(self) -> Iterator[None]:
        """Draw until the block ends; what was drawn last stays."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=4) as self._live:
            yield
        self._live = None

    def save_picture(self, file: Path, status: dict[str, Any]) -> None:
        """Save what a person saw of the rollback: the last look at the candidate, and the look after it."""
        recorder = Console(record=True, width=112, file=io.StringIO(), force_terminal=True)
        command = """kubectl patch llmapp support --type merge -p '{"spec":{"prompt":{"version":"v2"}}}'"""
        recorder.print(Text(f"$ {command}", style="bold"))
        if self._with_candidate:
            recorder.print(self._panel(self._with_candidate))
        recorder.print(self._panel(status))
        recorder.print(Text("Aborted: ", style="bold red") + Text(status["history"][-1]["message"]))
        file.parent.mkdir(parents=True, exist_ok=True)
        # Without the fonts that rich would have the reader's browser fetch from somewhere.
        template = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        recorder.save_svg(str(file), title="make demo", code_format=template)

    def show(self, status: dict[str, Any]) -> None:
        """Draw this status."""
        if status.get("rollout", {}).get("verdicts"):
            self._with_candidate = status
        if self._live is not None:
            self._live.update(self._panel(status))
            return
        line = self._line(status)
        # Without a terminal: what changed, and a sign of life now and then.
        if line != self._last or time.monotonic() - self._told_at > 10:
            self.console.print(f"  {time.strftime('%X')} {line}", markup=False, highlight=False, soft_wrap=True)
            self._last, self._told_at = line, time.monotonic()

    def _name(self, release: str | None) -> str:
        return f"{release} (prompt {self.prompts.get(release, '?')})" if release else "none"

    def _line(self, status: dict[str, Any]) -> str:
        weight = status.get("weight")
        parts = [status.get("phase", "Pending"), f"stable {self._name(status.get('stableRelease'))}"]
        if status.get("candidateRelease"):
            parts.append(f"candidate {self._name(status['candidateRelease'])} at weight {weight or 0}")
            parts += [
                f"{verdict['name']} {verdict['verdict']}" for verdict in status.get("rollout", {}).get("verdicts", [])
            ]
        return " | ".join(parts)

    def _panel(self, status: dict[str, Any]) -> RenderableType:
        phase = status.get("phase", "Pending")
        weight = status.get("weight") or 0
        candidate = status.get("candidateRelease")
        share = round(_BAR * weight / 100)
        bar = Text("█" * (_BAR - share), style="green") + Text("█" * share, style="magenta")
        head = Table.grid(padding=(0, 2))
        head.add_row("phase", Text(phase, style=f"bold {_COLOURS.get(phase, 'white')}"))
        head.add_row("traffic", bar)
        head.add_row("", f"[green]{100 - weight} %[/] {self._name(status.get('stableRelease'))}")
        if candidate:
            head.add_row("", f"[magenta]{weight} %[/] {self._name(candidate)}")
        rows: list[RenderableType] = [head]
        rollout = status.get("rollout", {})
        if rollout.get("waiting"):
            rows.append(Text(f"waiting: {rollout['waiting']}", style="dim"))
        rows += [
            Text.from_markup(f"{_MARKS[verdict['verdict']]} ") + Text(verdict["message"])
            for verdict in rollout.get("verdicts", [])
        ]
        told = Table.grid(padding=(0, 2))
        for release, count in sorted(self._traffic.answered.items(), key=lambda item: self._name(item[0])):
            redacted = self._traffic.redacted[release]
            leaks = f"[red]{redacted} redacted[/]" if redacted else "[dim]none redacted[/]"
            told.add_row(f"{count} answers", leaks, self._name(release))
        told.add_row(f"{self._traffic.failed} failed", "", "")
        rows.append(Panel(told, title="customers", title_align="left", border_style="dim"))
        return Panel(Group(*rows), title="LLMApp support", title_align="left")
