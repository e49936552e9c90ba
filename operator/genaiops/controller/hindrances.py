"""What keeps an app's objects from being made, as the plan has to know it: names that others have, objects refused."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from genaiops.controller.store import Key
from genaiops.release.resolve import ReferenceProblem, Resolution
from genaiops.rollout.snapshot import Snapshot


def lost_releases(seen: Snapshot) -> list[ReferenceProblem]:
    """Releases that take traffic and of which nobody knows any more what they are."""
    target = seen.resolution.target
    known = {*seen.releases, target.name if target else None, None}
    lost = [name for name in (seen.status.stable_release, seen.status.candidate_release) if name not in known]
    return [
        ReferenceProblem(
            "ReleaseLost",
            "status",
            f"Release {name!r} and its ConfigMap are gone or can't be read: what runs of it is left running, and "
            "nothing new starts. Restore the Release, upgrade the operator if a newer one made it, or delete this "
            "LLMApp and apply it again",
        )
        for name in lost
    ]


def refusals(refused: Mapping[Key, str], wanted: Iterable[Key]) -> dict[Key, ReferenceProblem]:
    """Of the objects that are still wanted, those that the API server refused."""
    return {
        key: ReferenceProblem("Refused", f"{key.kind} {key.name}", f"the API server refuses it: {refused[key]}")
        for key in wanted
        if key in refused
    }


def hindered(seen: Snapshot, by_object: Mapping[Key, ReferenceProblem], lost: Iterable[ReferenceProblem]) -> Snapshot:
    """The snapshot as it is with these hindrances.

    Where an object of a release can't be made, its pods do not get ready, and that is why. Where an object of the whole
    app can't be made, nothing new starts.
    """
    target = seen.resolution.target
    variants = {one.target.name for several in seen.resolution.variants.values() for one in several}
    releases = {*seen.releases, *variants, target.name if target else ""}
    workloads = dict(seen.workloads)
    problems = [*seen.resolution.problems, *lost]
    for key, problem in by_object.items():
        if key.name in releases:
            workloads[key.name] = replace(seen.workload(key.name), problem=str(problem))
        else:
            problems.append(problem)
    resolution = seen.resolution
    if len(problems) > len(resolution.problems):
        resolution = Resolution(None, tuple(problems), resolution.rollout)
    return replace(seen, workloads=workloads, resolution=resolution)
