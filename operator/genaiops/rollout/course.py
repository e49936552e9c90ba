"""Where an app's releases stand, in one pass: a working copy of the status, and what came up on the way."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from genaiops.api.evaluation import EvaluationSpec
from genaiops.api.llmapp_status import (
    Arm,
    Decision,
    HistoryEntry,
    LLMAppStatus,
    Monitored,
    Result,
    RolloutStatus,
    VariantPhase,
    VariantReport,
    VariantStatus,
    Watch,
)
from genaiops.api.release import ReleaseSpec
from genaiops.release.changes import describe_changes
from genaiops.rollout.conditions import clipped
from genaiops.rollout.decisions import BREACH, DRIFTED, SERVED, served_before
from genaiops.rollout.snapshot import Notice, Snapshot

WENT_BACK: Final = "WentBack"
"""Reason of a promotion of an earlier release that took the steps."""


@dataclass
class Course:
    """The releases and their rollout, as they change in one pass. It knows how things begin and end, not when."""

    seen: Snapshot
    now: datetime
    notices: list[Notice] = field(default_factory=list)
    wake: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        status = self.seen.status
        self.stable = status.stable_release
        self.rollout: RolloutStatus | None = status.rollout
        self.aborted = status.aborted_release
        self.watch: Watch | None = status.watch
        self.history: list[HistoryEntry] = list(status.history)
        self.retiring = list(status.retiring)
        self.restarts = dict(status.restarts)
        self.decisions: list[Decision] = list(status.decisions)
        self.monitored: list[Monitored] = list(status.monitored)
        self.evaluate: dict[str, EvaluationSpec] = {}
        """Evaluations that have to run or have run, by name."""

    def begin(
        self,
        release: str,
        *,
        undo: bool = False,
        rescue: bool = False,
        retry: bool = False,
        decided_by: Iterable[str] = (),
    ) -> None:
        """A rollout to this release: at once where it served lately, which proves nothing to who retries it. `rescue`:
        from one that broke after its promotion, whatever the policy says."""
        fast = rescue or (self.stable is not None and not retry and release in self.recently_promoted())
        since = self._stable_since()
        if since is not None and since > self.now:
            # The clock was put back: nobody knows what came first.
            since = None
        asked_by = [person for person, at in self.seen.changed_by.items() if since is None or at > since]
        self.rollout = RolloutStatus(
            release=release,
            started_at=self.now,
            fast=fast,
            undo=undo,
            rescue=rescue,
            retried=retry,
            decided_by=list(decided_by),
            requested_by=sorted(asked_by),
        )
        self.end_watch()
        if release in self.retiring:
            self.retiring.remove(release)
        what = "first release" if self.stable is None else "; ".join(self.changes_of(release))
        self.notify("RolloutStarted", f"{release}: {'back to an earlier release' if fast else what}")

    def _stable_since(self) -> datetime | None:
        """When what serves now was asked for: what changed later is not part of it. Going back is no new beginning."""
        began = (
            entry.started_at
            for entry in reversed(self.history)
            if entry.result in (Result.PROMOTED, Result.FAST_PROMOTED) and entry.reason != WENT_BACK
        )
        return next(began, None)

    def recently_promoted(self) -> list[str]:
        """Releases to which one may go back without steps."""
        return served_before(self.status())[: self.seen.policy.rollback_window]

    def end(self, result: Result, reason: str, message: str, baseline: dict[str, Arm] | None = None) -> None:
        """The rollout ends. `baseline`: what stable answered before, for the watch that may follow."""
        rollout = self.rollout
        assert rollout is not None
        self._record(rollout.release, result, reason, message, rollout, rollout.decided_by)
        self.retiring += [one.release for one in rollout.compared if one.release not in self.retiring]
        self.rollout = None
        if result is Result.ABORTED:
            # 4: not tried again by itself; its pods follow once the gateway says that nothing reaches them.
            self.aborted = rollout.release
        if result in SERVED:
            previous, self.stable = self.stable, rollout.release
            watched = self.seen.policy.watch_after_promotion
            if previous and watched and result is not Result.FAST_ROLLED_BACK:
                # 10: it can be gone back to at once.
                self.watch = Watch(
                    release=rollout.release,
                    previous=previous,
                    started_at=self.now,
                    until=self.now + watched,
                    baseline=baseline or {},
                )
            elif previous:
                self.retiring.append(previous)
        else:
            self.retiring.append(rollout.release)

    def end_watch(self) -> None:
        """The release before the stable one is not needed any more."""
        if self.watch:
            previous, self.watch = self.watch.previous, None
            if previous != (self.rollout.release if self.rollout else None):
                self.retiring.append(previous)

    def go_back(self, reason: str, message: str, decided_by: Iterable[str] = ()) -> None:
        """From a promotion that is being watched back to the release before it."""
        watch = self.watch
        assert watch is not None
        target = self.seen.resolution.target
        if target is None or target.name == watch.release:
            self.aborted = watch.release
        people = list(decided_by)
        self._record(watch.release, Result.ROLLED_BACK, reason, message, watch, people)
        if self.seen.workload(watch.previous).ready:
            self.stable, self.watch = watch.previous, None
            self.retiring.append(watch.release)
        else:
            # 3: no traffic for a release without pods; it gets it as soon as it has them.
            self.begin(watch.previous, undo=True, rescue=True, decided_by=people)

    def leave(self, to: str, reason: str, message: str, judged: Monitored) -> None:
        """From the stable release, which does worse than it did, back to one that served before."""
        left = self.stable
        assert left is not None
        self._record(left, Result.ROLLED_BACK, reason, message, judged, [])
        self.aborted = left
        self.begin(to, undo=True, decided_by=[clipped(message, 256)])

    def _record(
        self,
        name: str,
        result: Result,
        reason: str,
        message: str,
        judged: RolloutStatus | Watch | Monitored,
        decided_by: list[str],
    ) -> None:
        release = self.release_of(name)
        self.history.append(
            HistoryEntry(
                release=name,
                prompt_version=release.source.prompt_version if release else None,
                changes=self.changes_of(name),
                result=result,
                reason=reason,
                message=clipped(message, 4096),
                decided_by=decided_by,
                verdicts=[] if isinstance(judged, Monitored) else judged.verdicts[:32],
                evaluations=judged.evaluations if isinstance(judged, RolloutStatus) else [],
                variants=[_reported(one) for one in judged.variants] if isinstance(judged, RolloutStatus) else [],
                started_at=judged.asked_at if isinstance(judged, Monitored) else judged.started_at,
                finished_at=self.now,
            )
        )
        bad = result is Result.ABORTED or reason in (BREACH, DRIFTED)
        self.notify(f"Rollout{result.value}", f"{name}: {message}", warning=bad)

    def changes_of(self, name: str) -> list[str]:
        """What differs from what serves now; a Release object itself tells what differed when it was made."""
        release, stable = self.release_of(name), self.release_of(self.stable)
        return describe_changes(stable, release) if release else []

    def release_of(self, name: str | None) -> ReleaseSpec | None:
        """What a release is, as far as is known."""
        target = self.seen.resolution.target
        if target and target.name == name:
            return self.seen.releases.get(name, target.release)
        return self.seen.releases.get(name or "")

    def notify(self, reason: str, message: str, *, warning: bool = False) -> None:
        """An Event to be."""
        self.notices.append(Notice(reason, message, warning))

    def live(self) -> list[str]:
        """Releases that have pods or are about to have some."""
        candidate = self.rollout.release if self.rollout else None
        variants = [one.release for one in self.rollout.compared] if self.rollout else []
        previous = self.watch.previous if self.watch else None
        return list(dict.fromkeys(filter(None, (self.stable, candidate, *variants, previous, *self.retiring))))

    def status(self) -> LLMAppStatus:
        """As it is to be written."""
        rollout, live = self.rollout, self.live()
        return self.seen.status.model_copy(
            update={
                "stable_release": self.stable,
                "candidate_release": rollout.release if rollout else None,
                "aborted_release": self.aborted,
                "weight": rollout.weight if rollout and self.stable else None,
                "rollout": rollout,
                "watch": self.watch,
                "restarts": {release: at for release, at in self.restarts.items() if release in live},
                "retiring": self.retiring,
                "decisions": self.decisions,
                "monitored": self.monitored,
                "history": self.history[-self.seen.spec.revision_history_limit :],
            }
        )


def _reported(one: VariantStatus) -> VariantReport:
    message = "the rollout ended before the experiment did" if one.phase.active else one.message
    phase = VariantPhase.DROPPED if one.phase.active else one.phase
    return VariantReport(name=one.name, release=one.release, phase=phase, message=message, verdicts=one.verdicts)
