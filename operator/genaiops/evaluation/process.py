"""The process of a run: from the file that says what to do to the message that says what was found."""

import asyncio
import hashlib
import logging
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import ClientSession
from pydantic import ValidationError

from genaiops.api.evaluation import EvaluationPhase, EvaluationSummary
from genaiops.api.evaluation_run import EvaluationRun
from genaiops.evaluation.ask import Asked, UnreachableError, new_client
from genaiops.evaluation.build import evaluators_of
from genaiops.evaluation.dataset import load
from genaiops.evaluation.judgement import Evaluator
from genaiops.evaluation.model_judge import judges_of
from genaiops.evaluation.places import Places, SecretError
from genaiops.evaluation.progress import serving
from genaiops.evaluation.records import ROWS
from genaiops.evaluation.report import report
from genaiops.evaluation.results import Results
from genaiops.evaluation.rows import MAX_ROWS, DatasetError
from genaiops.evaluation.run import Run
from genaiops.evaluation.store import Store, StoreError
from genaiops.evaluation.summary import fit
from genaiops.evaluation.surroundings import RunSurroundings
from genaiops.evaluation.verdicts import Outcome, cut

logger = logging.getLogger("genaiops.evaluation")

STOPPED: Final = 143
"""Exit code after SIGTERM: a container that is started anew goes on where this one stopped."""
SUMMARY: Final = "summary.json"
REPORT: Final = "report.html"


class _CannotError(Exception):
    """There will be no result, however often it is tried. The message says why."""


@dataclass
class Progress:
    """How far the run is."""

    total: int = 0
    dataset_hash: str | None = None
    results: Results | None = None
    doing: str = "starting"
    ended: EvaluationSummary | None = field(default=None)

    def summary(self) -> EvaluationSummary:
        """As of now."""
        return self.ended or self._summary(Outcome(EvaluationPhase.RUNNING, self.doing, [], []))

    def end(self, outcome: Outcome) -> EvaluationSummary:
        """The last one."""
        self.ended = self._summary(outcome)
        return self.ended

    def _summary(self, outcome: Outcome) -> EvaluationSummary:
        results = self.results
        return EvaluationSummary(
            done=len(results.done) if results else 0,
            total=self.total,
            dataset_hash=self.dataset_hash,
            phase=outcome.phase,
            message=cut(outcome.message, 1024),
            evaluators=outcome.evaluators,
            worst=outcome.worst,
            tokens=results.tokens if results else 0,
            cost=results.cost if results else None,
        )


async def serve(places: Places) -> int:
    """Does the run and tells of it; the exit code. Raises where starting anew may help."""
    task = asyncio.current_task()
    assert task
    loop = asyncio.get_running_loop()
    # The first process of a container has no default for signals: it would be killed after the grace period.
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, task.cancel)
    try:
        await _serve(places)
    except asyncio.CancelledError:
        logger.info("stopped; what is done is kept")
        return STOPPED
    return 0


async def _serve(places: Places) -> None:
    progress, run = Progress(), None
    async with serving(places.port, progress.summary), new_client() as client:
        try:
            run, name = _read(places.run)
            outcome = await _evaluate(run, name, places, client, progress)
        except _CannotError as error:
            outcome = Outcome(EvaluationPhase.ERROR, str(error), [], [])
        summary = progress.end(outcome)
        logger.info("%s: %s", summary.phase, summary.message)
        if run and progress.results:
            summary = await _keep(run, places, progress.results, summary)
        places.termination.write_text(fit(summary, run.message_bytes if run else 512))


def _read(file: Path) -> tuple[EvaluationRun, str]:
    """The run, and what names it: another run of the same name is another one."""
    try:
        content = file.read_bytes()
        return EvaluationRun.model_validate_json(content), hashlib.sha256(content).hexdigest()
    except (OSError, ValidationError) as error:
        raise _CannotError(
            f"this evaluator can't read what it is to do; is its image the operator's? {error}"
        ) from error


async def _evaluate(
    run: EvaluationRun, name: str, places: Places, client: ClientSession, progress: Progress
) -> Outcome:
    suite = run.suite
    progress.doing = "reading the dataset"
    try:
        dataset = await load(suite.dataset, places, client)
    except DatasetError as error:
        raise _CannotError(str(error)) from error
    if dataset.ignored:
        logger.warning("columns that mean nothing here: %s", ", ".join(sorted(dataset.ignored)))
    progress.total, progress.dataset_hash = len(dataset.rows) * suite.repeats, dataset.sha256
    if progress.total > MAX_ROWS:
        raise _CannotError(f"{progress.total} answers are too many, {MAX_ROWS} can be; split it, or lower repeats")
    release, baseline = _asked(run, client)
    progress.doing = "waiting for the releases"
    try:
        for each in (release, baseline):
            if each:
                await each.reach(places.patience)
    except UnreachableError as error:
        raise _CannotError(str(error)) from error
    async with AsyncExitStack() as closing:
        surroundings = RunSurroundings(run.models, client, places)
        closing.callback(surroundings.close)
        for evaluator in (evaluators := _evaluators(run, places, client, surroundings)).values():
            closing.push_async_callback(evaluator.close)
        progress.results = Results(places.results, f"{name} {dataset.sha256}")
        progress.doing = "asking and judging"
        return await Run(suite, dataset.rows, release, baseline, evaluators, progress.results).finish()


def _asked(run: EvaluationRun, client: ClientSession) -> tuple[Asked, Asked | None]:
    pace = run.suite.max_per_minute
    release = Asked(run.release_address, run.app, run.model.pricing, client, pace)
    if run.baseline_address is None:
        return release, None
    pricing = run.baseline_model.pricing if run.baseline_model else None
    return release, Asked(run.baseline_address, run.app, pricing, client, pace)


def _evaluators(
    run: EvaluationRun, places: Places, client: ClientSession, surroundings: RunSurroundings
) -> Mapping[str, Evaluator]:
    judges = judges_of(run.models, client, places.credentials)
    try:
        return evaluators_of(run.suite.evaluators, judges, places, surroundings)
    except ValueError as error:
        raise _CannotError(str(error)) from error


async def _keep(run: EvaluationRun, places: Places, results: Results, summary: EvaluationSummary) -> EvaluationSummary:
    """Summary and report beside the rows, and all three in the store; a failure of the store takes no result back."""
    folder, store = results.folder, run.suite.store
    (folder / SUMMARY).write_text(summary.model_dump_json(by_alias=True, exclude_none=True))
    against = f" against {run.baseline}" if run.baseline else ""
    rows = (record.to_manifest() for record in results.records())
    page = report(rows, summary, title=f"{run.evaluation}: {run.release}{against}")
    (folder / REPORT).write_text(page, encoding="utf-8")
    if store is None or store.s3 is None:
        return summary
    try:
        bucket = Store.of_results(store, places.secret)
        for name in (ROWS, SUMMARY, REPORT):
            await bucket.write(f"{run.evaluation}/{name}", folder / name)
    except (StoreError, SecretError) as error:
        logger.error("the rows are not stored: %s", error)
        said = cut(summary.message, 700)
        return summary.model_copy(update={"message": cut(f"{said}; the rows are not stored: {error}", 1024)})
    return summary
