"""A stopped engine leaves the host as it was."""

from pathlib import Path

from localkind.footprint import free_address_pool, undoing
from localkind.mounts import below

DOCKERS = [
    "filter :FORWARD DROP",
    "filter :DOCKER -",
    "filter :DOCKER-USER -",
    "filter -A FORWARD -j DOCKER-USER",
    "filter -A DOCKER-USER -j RETURN",
]
OWNERS = ["filter :FORWARD ACCEPT", "filter :MINE -", "filter -A FORWARD -j MINE"]


def test_dockers_rules_and_chains_go_and_the_policy_comes_back() -> None:
    commands = undoing(before=OWNERS, now=[*OWNERS[1:], *DOCKERS])
    assert commands == [
        ["--table", "filter", "-D", "FORWARD", "-j", "DOCKER-USER"],
        ["--table", "filter", "-F", "DOCKER"],
        ["--table", "filter", "-F", "DOCKER-USER"],
        ["--table", "filter", "-X", "DOCKER"],
        ["--table", "filter", "-X", "DOCKER-USER"],
        ["--table", "filter", "-P", "FORWARD", "ACCEPT"],
    ]


def test_rules_that_others_added_meanwhile_stay() -> None:
    assert undoing(before=[], now=["nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE", "filter :MINE -"]) == []


def test_what_an_engine_of_the_machine_had_before_stays() -> None:
    assert undoing(before=DOCKERS, now=DOCKERS) == []


def test_networks_get_addresses_that_the_host_has_no_route_to() -> None:
    assert free_address_pool(["10.213.0.0/24", "10.214.4.0/22", "192.0.2.0/24"]) == "10.215.0.0/16"


def test_mounts_are_undone_from_the_top() -> None:
    mountinfo = "\n".join(
        f"{number} 1 0:1 / {point} rw - tmpfs tmpfs rw"
        for number, point in enumerate(["/", "/run/ours/a", "/run/ours-too", r"/run/ours/a/with\040blank"])
    )
    assert below(Path("/run/ours"), mountinfo) == ["/run/ours/a/with blank", "/run/ours/a"]
