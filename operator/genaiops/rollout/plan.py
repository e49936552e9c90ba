"""plan(): what an app's releases have to do next.

No I/O, no clock, no randomness. The numbers in comments are the rules of docs/rollouts.md.
"""

from dataclasses import dataclass, field
from datetime import datetime

from genaiops.api.llmapp_status import HistoryEntry, LLMAppStatus, Result, RolloutStatus
from genaiops.api.release import ReleaseSpec
from genaiops.release.changes import describe_changes
from genaiops.rollout.advance import Advance
from genaiops.rollout.conditions import clipped
from genaiops.rollout.due import next_question
from genaiops.rollout.report import report
from genaiops.rollout.snapshot import Notice, Plan, Routes, Snapshot


def plan(snapshot: Snapshot, now: datetime) -> Plan:
    """What has to be true next for this app."""
    return _Pass(snapshot, now).run()


@dataclass
class _Pass:
    """One pass over one app: a working copy of its status, and what came up on the way."""

    seen: Snapshot
    now: datetime
    notices: list[Notice] = field(default_factory=list)
    wake: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        status = self.seen.status
        self.stable = status.stable_release
        self.rollout: RolloutStatus | None = status.rollout
        self.aborted = status.aborted_release
        self.history = list(status.history)
        self.retiring = list(status.retiring)
        self.target = self.seen.resolution.target
        self.candidate_pods = 0

    def run(self) -> Plan:
        self.end_what_is_not_wanted()
        self.begin_what_is_wanted()
        if self.rollout:
            self.advance(self.rollout)
        draining = self.drain()
        return Plan(
            status=report(self.seen, self.working_status(), self.now),
            routes=self.routes(),
            replicas=self.replicas(draining),
            draining=draining,
            create=self.target if self.target and self.target.name not in self.seen.releases else None,
            prune=self.prunable(),
            notices=tuple(self.notices),
            at=min(self.wake, default=None),
        )

    # --- beginning and ending -------------------------------------------------------------------------------

    def end_what_is_not_wanted(self) -> None:
        if self.target is None:
            return
        if self.aborted and self.aborted != self.target.name:
            self.aborted = None
        if self.rollout and self.rollout.release != self.target.name:
            # 5: a new change supersedes; going back to what is stable takes the candidate's traffic at once.
            if self.target.name == self.stable:
                self.end(Result.ROLLED_BACK, "BackToStable", "the spec asks for the stable release again")
            else:
                self.end(Result.SUPERSEDED, "NewChange", f"a newer change asks for {self.target.name}")

    def begin_what_is_wanted(self) -> None:
        target = self.target
        if self.rollout or target is None or target.name in (self.stable, self.aborted):
            return
        fast = self.stable is not None and target.name in self.recently_promoted()
        self.rollout = RolloutStatus(release=target.name, started_at=self.now, fast=fast)
        if target.name in self.retiring:
            self.retiring.remove(target.name)
        what = "first release" if self.stable is None else "; ".join(self.changes_of(target.name))
        self.notify("RolloutStarted", f"{target.name}: {'back to an earlier release' if fast else what}")

    def recently_promoted(self) -> list[str]:
        promoted = [
            entry.release
            for entry in reversed(self.history)
            if entry.result in (Result.PROMOTED, Result.FAST_PROMOTED, Result.FAST_ROLLED_BACK)
        ]
        others = [release for release in dict.fromkeys(promoted) if release != self.stable]
        return others[: self.seen.resolution.rollout.rollback_window]

    def end(self, result: Result, reason: str, message: str) -> None:
        rollout = self.rollout
        assert rollout is not None
        release = self.release_of(rollout.release)
        self.history.append(
            HistoryEntry(
                release=rollout.release,
                prompt_version=release.source.prompt_version if release else None,
                changes=self.changes_of(rollout.release),
                result=result,
                reason=reason,
                message=clipped(message, 4096),
                started_at=rollout.started_at,
                finished_at=self.now,
            )
        )
        self.rollout = None
        if result is Result.ABORTED:
            # 4: not tried again by itself; its pods follow once the gateway says that nothing reaches them.
            self.aborted = rollout.release
        if result in (Result.PROMOTED, Result.FAST_PROMOTED, Result.FAST_ROLLED_BACK):
            if self.stable:
                self.retiring.append(self.stable)
            self.stable = rollout.release
        else:
            self.retiring.append(rollout.release)
        self.notify(f"Rollout{result.value}", f"{rollout.release}: {message}", warning=result is Result.ABORTED)

    def changes_of(self, name: str) -> list[str]:
        """What differs from what serves now; a Release object itself tells what differed when it was made."""
        release, stable = self.release_of(name), self.release_of(self.stable)
        return describe_changes(stable, release) if release else []

    def advance(self, rollout: RolloutStatus) -> None:
        """Move the rollout on; what ends by that ends here."""
        moved = Advance(self.seen, self.now, self.stable, rollout)
        moved.run()
        self.rollout, self.candidate_pods = moved.rollout, moved.candidate_pods()
        self.notices += moved.notices
        self.wake += moved.wake
        if moved.ended:
            self.end(*moved.ended)

    def notify(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.notices.append(Notice(reason, message, warning))

    # --- what follows from it -------------------------------------------------------------------------------

    def working_status(self) -> LLMAppStatus:
        rollout = self.rollout
        return self.seen.status.model_copy(
            update={
                "stable_release": self.stable,
                "candidate_release": rollout.release if rollout else None,
                "aborted_release": self.aborted,
                "weight": rollout.weight if rollout and self.stable else None,
                "rollout": rollout,
                "retiring": self.retiring,
                "history": self.history[-self.seen.spec.revision_history_limit :],
            }
        )

    def routes(self) -> Routes:
        rollout = self.rollout
        live = [self.stable, rollout.release if rollout else None, *self.retiring]
        backends = tuple(dict.fromkeys(release for release in live if release))
        if rollout is None:
            return Routes(self.stable, backends=backends)
        if self.stable is None:
            return Routes(rollout.release, backends=backends)
        return Routes(self.stable, rollout.release, rollout.weight, backends)

    def replicas(self, draining: tuple[str, ...]) -> dict[str, int]:
        replicas = self.seen.spec.replicas
        running = {}
        if self.stable:
            # 3: stable keeps its full size until the candidate has taken over.
            running[self.stable] = replicas
        if self.rollout:
            running[self.rollout.release] = self.candidate_pods
        for release in self.retiring:
            if release not in draining:
                running[release] = self.seen.workload(release).replicas
        return running

    def drain(self) -> tuple[str, ...]:
        """4: a release's pods go once the gateway says that no request is sent to them, its address once they went."""
        weights = self.seen.gateway.weights
        draining = []
        for release in list(self.retiring):
            workload = self.seen.workload(release)
            if not workload.exists and workload.pods == 0:
                self.retiring.remove(release)
            elif not workload.exists or (weights is not None and weights.get(release, 0) == 0):
                draining.append(release)
            else:
                since = self.history[-1].finished_at if self.history else self.now
                self.wake.append(next_question(self.now, since))
        return tuple(draining)

    def release_of(self, name: str | None) -> ReleaseSpec | None:
        if self.target and self.target.name == name:
            return self.seen.releases.get(name, self.target.release)
        return self.seen.releases.get(name or "")

    def prunable(self) -> tuple[str, ...]:
        live = {self.stable, self.aborted, *self.retiring, self.rollout.release if self.rollout else None}
        limit = self.seen.spec.revision_history_limit
        old = [name for name in self.seen.releases if name not in live]
        return tuple(old[: max(0, len(self.seen.releases) - limit)])
