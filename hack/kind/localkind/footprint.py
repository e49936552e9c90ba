"""What a Docker engine changes on the host outside its own folders, and how to take it back.

It switches kernel settings, and adds chains of its own to the packet filter which it never removes. What was there
before is written down when the engine starts, and put back when it is stopped for good.
"""

import ipaddress
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from . import process
from .shell import answer, run

_SETTINGS = {
    # Every containerd, kubelet and systemd in every node watches files; Debian's 128 is too few for two nodes.
    "fs/inotify/max_user_instances": 1024,
    "fs/inotify/max_user_watches": 524288,
    "net/ipv4/ip_forward": 1,
}
_SYSCTL = Path("/proc/sys")
_TOOLS = ("iptables", "ip6tables")


@dataclass(frozen=True)
class Before:
    """The host as it was before the engine's first start since boot."""

    settings: dict[str, int]
    rules: dict[str, list[str]]
    nft_tables: list[str]
    interfaces: list[str]

    @classmethod
    def of_host(cls) -> "Before":
        # nft first: merely listing a table with iptables can create it.
        nft_tables = _nft_tables()
        return cls(
            settings={name: int((_SYSCTL / name).read_text()) for name in _SETTINGS},
            rules={tool: _saved(tool) for tool in _TOOLS},
            nft_tables=nft_tables,
            interfaces=_interfaces(),
        )

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> "Before":
        return cls(**json.loads(file.read_text()))


def prepare_host() -> None:
    """Raise kernel settings that are too low; none is lowered."""
    for name, least in _SETTINGS.items():
        if int((_SYSCTL / name).read_text()) < least:
            (_SYSCTL / name).write_text(str(least))


def restore(before: Before) -> None:
    """Put the host back; for when no container and no other Docker engine is left on it."""
    # The kernel takes a network namespace down some time after its last process ended, and its interfaces with it.
    process.wait_until(lambda: not any(_is_a_containers(name, before) for name in _interfaces()), 10)
    for tool in _TOOLS:
        for command in undoing(before.rules[tool], _saved(tool)):
            run([tool, "--wait", *command])
    for table in set(_nft_tables()) - set(before.nft_tables):
        if not _has_rules(table):
            run(["nft", "delete", "table", *table.split()])
    for name, value in before.settings.items():
        (_SYSCTL / name).write_text(str(value))


def _is_a_containers(interface: str, before: Before) -> bool:
    return interface.startswith(("veth", "br-")) and interface not in before.interfaces


def undoing(before: list[str], now: list[str]) -> list[list[str]]:
    """The iptables commands that remove Docker's rules and chains, and put chain policies back.

    Both lists are the lines of iptables-save, each rule or chain preceded by its table ("filter -A FORWARD ...").
    Rules that mention no chain of Docker's are someone else's and stay.
    """
    rules: list[list[str]] = []
    flushes: list[list[str]] = []
    chains: list[list[str]] = []
    policies: list[list[str]] = []
    earlier_policies = dict(_policies(before))
    for line in now:
        if line in before:
            continue
        table, *words = line.split()
        if words[0] == "-A" and any(_is_dockers(word) for word in words[1:]):
            if not _is_dockers(words[1]):
                rules.append(["--table", table, "-D", *words[1:]])
        elif words[0].startswith(":") and _is_dockers(words[0][1:]):
            flushes.append(["--table", table, "-F", words[0][1:]])
            chains.append(["--table", table, "-X", words[0][1:]])
    for place, policy in _policies(now):
        earlier = earlier_policies.get(place, "ACCEPT")
        if policy not in ("-", earlier):
            policies.append(["--table", place[0], "-P", place[1], earlier])
    return rules + flushes + chains + policies


def _policies(lines: list[str]) -> list[tuple[tuple[str, str], str]]:
    """((table, chain), policy) of every chain line."""
    found = []
    for line in lines:
        table, first, *rest = line.split()
        if first.startswith(":"):
            found.append(((table, first[1:]), rest[0]))
    return found


def _is_dockers(chain: str) -> bool:
    return chain == "DOCKER" or chain.startswith("DOCKER-")


def _saved(tool: str) -> list[str]:
    """iptables-save's rules and chains, with their table and without counters."""
    lines = []
    table = ""
    for line in answer([f"{tool}-save"]).splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            lines.append(f"{table} {' '.join(line.split()[:2])}")
        elif line.startswith("-A"):
            lines.append(f"{table} {line}")
    return lines


def _nft_tables() -> list[str]:
    """["ip filter", ...]: iptables makes them when first used, and can't remove them."""
    return [line.removeprefix("table ") for line in answer(["nft", "list", "tables"]).splitlines()]


def _has_rules(table: str) -> bool:
    listed = json.loads(answer(["nft", "--json", "list", "table", *table.split()]))
    return any("rule" in each for each in listed["nftables"])


def _interfaces() -> list[str]:
    return sorted(interface.name for interface in Path("/sys/class/net").iterdir())


def free_address_pool(routes: list[str], candidates: list[str] | None = None) -> str:
    """The first candidate that overlaps with no route of this host, for the engine's networks."""
    taken = [ipaddress.ip_network(route) for route in routes]
    pools = candidates or [f"10.{second}.0.0/16" for second in range(213, 253)]
    for pool in pools:
        if not any(ipaddress.ip_network(pool).overlaps(network) for network in taken):
            return pool
    return pools[0]


def host_routes() -> list[str]:
    """Destinations of this host's IPv4 routes, without the default route."""
    routes = json.loads(answer(["ip", "-json", "-4", "route", "show"]))
    return [route["dst"] for route in routes if route["dst"] != "default"]
