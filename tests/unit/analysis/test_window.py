"""Measurements are folded into one window's totals: all that happened in it counts, and counts once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.analysis import window
from genaiops.analysis.readings import Readings
from genaiops.api.llmapp_status import AnalysisStatus, Arm, PodCounters

T0 = datetime(2026, 1, 1, tzinfo=UTC)
METRIC = "error-rate"


def later(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


Pods = dict[str, tuple[str, PodCounters]]


def start(now: datetime, pods: Pods, failures: list[str] | None = None) -> AnalysisStatus:
    return window.start(now, Readings(pods, tuple(failures or ())))


def advance(status: AnalysisStatus, pods: Pods, failures: list[str], now: datetime) -> AnalysisStatus:
    return window.advance(status, Readings(pods, tuple(failures)), now)


def counters(hits: int, samples: int, process: int | None = None) -> PodCounters:
    return PodCounters(process_started=process, metrics={METRIC: Arm(samples=samples, hits=hits)})


def total(status: AnalysisStatus, role: str) -> tuple[int, int]:
    arm = status.totals.get(role, {}).get(METRIC, Arm(samples=0, hits=0))
    return arm.hits, arm.samples


def test_what_was_counted_before_the_weight_was_live_does_not_count() -> None:
    status = start(T0, {"c": ("candidate", counters(5, 10)), "s": ("stable", counters(7, 900))})

    assert (total(status, "candidate"), total(status, "stable")) == ((0, 0), (0, 0))
    assert status.started_at == status.baseline_at == status.measured_at == T0

    status = advance(status, {"c": ("candidate", counters(6, 14)), "s": ("stable", counters(7, 950))}, [], later(10))

    assert (total(status, "candidate"), total(status, "stable")) == ((1, 4), (0, 50))


def test_the_pods_of_a_release_are_added_up() -> None:
    status = start(T0, {"a": ("stable", counters(0, 0)), "b": ("stable", counters(0, 0))})
    status = advance(status, {"a": ("stable", counters(1, 10)), "b": ("stable", counters(2, 20))}, [], later(10))

    assert total(status, "stable") == (3, 30)


def test_the_same_reading_again_adds_nothing() -> None:
    reading = {"c": ("candidate", counters(2, 9))}
    status = advance(start(T0, {"c": ("candidate", counters(0, 0))}), reading, [], later(10))

    assert total(advance(status, reading, [], later(20)), "candidate") == total(status, "candidate") == (2, 9)


def test_a_pod_that_came_after_the_window_opened_counts_from_zero() -> None:
    status = start(T0, {"a": ("stable", counters(0, 100))})
    status = advance(status, {"a": ("stable", counters(0, 110)), "b": ("stable", counters(3, 40))}, [], later(10))

    assert total(status, "stable") == (3, 50)


def test_a_pod_that_is_gone_keeps_what_it_contributed_and_is_forgotten() -> None:
    status = start(T0, {"a": ("stable", counters(0, 0)), "b": ("stable", counters(0, 0))})
    status = advance(status, {"a": ("stable", counters(0, 10)), "b": ("stable", counters(1, 10))}, [], later(10))
    status = advance(status, {"a": ("stable", counters(0, 15))}, [], later(20))

    assert total(status, "stable") == (1, 25)
    assert set(status.pods) == {"a"}


def test_a_process_that_began_anew_counts_from_zero_even_if_it_has_overtaken_the_old_one() -> None:
    status = start(T0, {"c": ("candidate", counters(2, 10, process=1))})
    status = advance(status, {"c": ("candidate", counters(3, 12, process=2))}, [], later(10))

    assert total(status, "candidate") == (3, 12)


@pytest.mark.parametrize("process", [None, 1])
def test_a_counter_that_fell_began_anew_whatever_the_process_says(process: int | None) -> None:
    status = start(T0, {"c": ("candidate", counters(0, 10, process))})
    status = advance(status, {"c": ("candidate", counters(3, 4, process))}, [], later(10))
    assert total(status, "candidate") == (3, 4)

    # 4 → 6 requests, but 3 → 6 errors: two requests can't have been three errors.
    status = advance(status, {"c": ("candidate", counters(6, 6, process))}, [], later(20))
    assert total(status, "candidate") == (9, 10)


def test_an_incomplete_measurement_counts_for_neither_release_and_loses_nothing() -> None:
    status = start(T0, {"c": ("candidate", counters(0, 0)), "s": ("stable", counters(0, 0))})
    blind = advance(status, {"s": ("stable", counters(0, 50))}, ["pod c: connection refused"], later(10))

    assert blind.totals == status.totals
    assert (blind.consecutive_errors, blind.last_error) == (1, "pod c: connection refused")
    assert blind.measured_at == later(10)

    blind = advance(blind, {}, ["pod c: timed out", "pod s: timed out"], later(20))
    assert (blind.consecutive_errors, blind.last_error) == (2, "pod c: timed out; pod s: timed out")

    seen = advance(blind, {"c": ("candidate", counters(1, 8)), "s": ("stable", counters(0, 99))}, [], later(30))
    assert (total(seen, "candidate"), total(seen, "stable")) == ((1, 8), (0, 99))
    assert seen.consecutive_errors == 0
    assert seen.last_error == "pod c: timed out; pod s: timed out"


def test_a_window_whose_first_measurement_failed_begins_with_the_first_complete_one() -> None:
    status = start(T0, {}, ["pod c: not yet"])
    assert (status.baseline_at, status.consecutive_errors) == (None, 1)

    status = advance(status, {"c": ("candidate", counters(4, 9))}, [], later(10))
    assert total(status, "candidate") == (0, 0)
    assert (status.started_at, status.baseline_at) == (T0, later(10))

    status = advance(status, {"c": ("candidate", counters(5, 11))}, [], later(20))
    assert total(status, "candidate") == (1, 2)


def test_a_metric_that_the_spec_gets_in_the_middle_counts_from_then() -> None:
    status = start(T0, {"c": ("candidate", counters(0, 10))})
    both = counters(1, 15).metrics | {"latency@10.24": Arm(samples=15, hits=9)}
    status = advance(status, {"c": ("candidate", PodCounters(metrics=both))}, [], later(10))

    assert total(status, "candidate") == (1, 5)
    assert status.totals["candidate"]["latency@10.24"] == Arm(samples=0, hits=0)


def test_a_very_long_failure_is_cut_to_what_a_status_may_hold() -> None:
    status = advance(start(T0, {}), {}, ["x" * 5000], later(10))
    assert AnalysisStatus.model_validate(status.to_manifest()) == status


# --- any history -------------------------------------------------------------------------------------------


@dataclass
class Pod:
    role: str
    process: int = 1
    hits: int = 0
    samples: int = 0
    unread: tuple[int, int] = (0, 0)


@dataclass
class Cluster:
    """Pods that serve, restart, come and go; and what a perfect observer would have counted."""

    tells_process: bool
    pods: dict[str, Pod] = field(default_factory=dict)
    truth: dict[str, tuple[int, int]] = field(default_factory=lambda: {"candidate": (0, 0), "stable": (0, 0)})
    born: int = 0

    def serve(self, uid: str, hits: int, misses: int) -> None:
        pod = self.pods[uid]
        pod.hits += hits
        pod.samples += hits + misses
        pod.unread = (pod.unread[0] + hits, pod.unread[1] + hits + misses)

    def restart(self, uid: str) -> None:
        # What nobody read before the process ended nobody will ever know.
        pod = self.pods[uid]
        self.pods[uid] = Pod(pod.role, pod.process + 1)

    def come(self, role: str) -> None:
        self.born += 1
        self.pods[f"pod-{self.born}"] = Pod(role)

    def read(self) -> dict[str, tuple[str, PodCounters]]:
        for pod in self.pods.values():
            hits, samples = self.truth[pod.role]
            self.truth[pod.role] = (hits + pod.unread[0], samples + pod.unread[1])
            pod.unread = (0, 0)
        return {
            uid: (pod.role, counters(pod.hits, pod.samples, pod.process if self.tells_process else None))
            for uid, pod in self.pods.items()
        }


roles = st.sampled_from(["candidate", "stable"])
few = st.integers(0, 9)
events = st.one_of(
    st.tuples(st.just("serve"), few, few, few),
    st.tuples(st.just("restart"), few),
    st.tuples(st.just("come"), roles),
    st.tuples(st.just("go"), few),
    st.tuples(st.just("measure")),
    st.tuples(st.just("fail")),
)


def live_through(cluster: Cluster, history: list[tuple]) -> AnalysisStatus:
    cluster.come("candidate")
    cluster.come("stable")
    for uid in list(cluster.pods):
        cluster.serve(uid, 3, 4)
    status = start(T0, cluster.read())
    cluster.truth = {"candidate": (0, 0), "stable": (0, 0)}
    for second, (event, *details) in enumerate([*history, ("measure",)]):
        uid = sorted(cluster.pods)[details[0] % len(cluster.pods)] if event in ("serve", "restart", "go") else ""
        match event:
            case "serve":
                cluster.serve(uid, *details[1:])
            case "restart":
                cluster.restart(uid)
            case "come":
                cluster.come(*details)
            case "go" if len(cluster.pods) > 1:
                del cluster.pods[uid]
            case "measure":
                status = advance(status, cluster.read(), [], later(second))
            case "fail":
                status = advance(status, {}, ["unreachable"], later(second))
        # The operator may be killed after any write: it goes on from what the API server has.
        status = AnalysisStatus.model_validate(status.to_manifest())
    return status


@given(st.lists(events, max_size=40))
def test_whatever_happens_the_totals_are_what_was_readable(history: list[tuple]) -> None:
    cluster = Cluster(tells_process=True)
    status = live_through(cluster, history)

    assert {role: total(status, role) for role in cluster.truth} == cluster.truth


@given(st.lists(events, max_size=40))
def test_without_the_start_of_the_process_nothing_is_invented(history: list[tuple]) -> None:
    cluster = Cluster(tells_process=False)
    status = live_through(cluster, history)

    for role, (hits, samples) in cluster.truth.items():
        counted_hits, counted = total(status, role)
        assert counted_hits <= hits
        assert counted_hits <= counted <= samples
