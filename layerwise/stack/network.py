"""The embedded engine's network: a bridge and a subnet of its own, firewall rules, and taking it all down again.

Two engines that write their rules with different backends (nf_tables and legacy) cut each other's containers off, so
the engine writes its rules with the backend this machine already uses.
"""

from __future__ import annotations

import fcntl
import ipaddress
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from layerwise.errors import LabError

BRIDGE = "layerwise0"
SUBNETS = ("172.29.0.0/16", "172.30.0.0/16", "172.28.0.0/16", "10.213.0.0/16", "10.87.0.0/16", "192.168.224.0/20")
"""Where the engine's networks may live; the first that crosses no route of this machine is taken."""

ROUTES = Path("/proc/net/route")
BOOT = Path("/proc/sys/kernel/random/boot_id")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
USER_BRIDGE = re.compile(rb'"BridgeName":"(br-[0-9a-f]{12})"')
CHAIN = re.compile(r"^-[NA] (DOCKER\S*)")
_SIOCGIFMTU = 0x8921


def routes(table: str) -> list[tuple[str, ipaddress.IPv4Network]]:
    """The routes in the text of /proc/net/route, as (interface, network), the default route left out."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        address, mask = (int.from_bytes(bytes.fromhex(fields[column]), "little") for column in (1, 7))
        network = ipaddress.IPv4Network((address, mask.bit_count()), strict=False)
        if network.prefixlen:
            found.append((fields[0], network))
    return found


def choose_subnet(table: str, before: str = "", ours: Iterable[str] = ()) -> str | None:
    """A subnet that crosses no route in `table` but those of interfaces in `ours`, or None.

    `before` is the one of the last time, and is kept if it can be.
    """
    mine = {BRIDGE, *ours}
    taken = [network for interface, network in routes(table) if interface not in mine]
    for subnet in dict.fromkeys(filter(None, (before, *SUBNETS))):
        if not any(ipaddress.IPv4Network(subnet).overlaps(network) for network in taken):
            return subnet
    return None


def default_mtu() -> int:
    """The largest packet, in bytes, of the interface of the default route; 1500 where there is none. A tunnel's is
    smaller, and containers must not send more."""
    try:
        lines = [line.split() for line in ROUTES.read_text().splitlines()[1:]]
        interface = next(fields[0] for fields in lines if fields[1] == "00000000" and fields[7] == "00000000")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            answer = fcntl.ioctl(probe, _SIOCGIFMTU, struct.pack("16sI", interface.encode(), 0))
        return min(1500, int(struct.unpack("16sI", answer[:20])[1]))
    except (OSError, StopIteration, IndexError):
        return 1500


def backend_of(version: str) -> str:
    """ "nft" or "legacy", from what `iptables --version` says."""
    return "legacy" if "legacy" in version or "nf_tables" not in version else "nft"


class Firewall:
    """iptables of one backend, run from the engine's root filesystem, so that the machine needs none of its own."""

    def __init__(self, rootfs: Path, backend: str) -> None:
        self.rootfs = rootfs
        self.backend = backend

    def run(self, *arguments: str, program: str = "iptables") -> tuple[int, str]:
        """Exit status and standard output."""
        command = ["chroot", str(self.rootfs), f"/usr/sbin/{program}-{self.backend}", "-w", "10", *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=30, env={"PATH": "/usr/sbin:/usr/bin"}
            )
        except (OSError, subprocess.TimeoutExpired):
            return 1, ""
        return done.returncode, done.stdout

    def works(self) -> bool:
        """Whether the kernel takes rules of this backend."""
        return self.run("-t", "nat", "-S")[0] == 0

    def rules(self, table: str, program: str = "iptables") -> list[str]:
        """The table's rules, as `iptables -S` prints them."""
        return self.run("-t", table, "-S", program=program)[1].splitlines()


def choose_backend(rootfs: Path) -> str:
    """The backend this machine uses, else the one that works. An empty text when none does.

    Only to ask the legacy backend loads its tables into the kernel, so it is asked when it is in use, or as a last
    resort.
    """
    order = ["nft", "legacy"]
    if _legacy_tables() or backend_of(_iptables_version()) == "legacy":
        order.reverse()
    return next((name for name in order if Firewall(rootfs, name).works()), "")


def _legacy_tables() -> bool:
    """Whether the kernel holds tables of the legacy backend with Docker's chains in them."""
    try:
        in_use = Path("/proc/net/ip_tables_names").read_text().split()
    except OSError:
        return False
    if "nat" not in in_use or not shutil.which("iptables-legacy"):
        return "nat" in in_use
    said = subprocess.run(["iptables-legacy", "-t", "nat", "-S"], capture_output=True, text=True, timeout=30).stdout
    return any(not rule.startswith("-P") for rule in said.splitlines())


def _iptables_version() -> str:
    """What this machine's own iptables says of itself; a text that means nft where there is none."""
    if not shutil.which("iptables"):
        return "nf_tables"
    return subprocess.run(["iptables", "--version"], capture_output=True, text=True, timeout=10).stdout


def before_start(rootfs: Path, backend: str) -> dict[str, str]:
    """What the engine is about to change, so that it can be put back: forwarding and the FORWARD policy; and whether
    another engine's chains are there."""
    rules = Firewall(rootfs, backend).rules("filter")
    policy = next((rule.split()[2] for rule in rules if rule.startswith("-P FORWARD")), "ACCEPT")
    return {
        "backend": backend,
        "forwarding": FORWARDING.read_text().strip(),
        "policy": policy,
        "chains": "foreign" if any(rule.startswith("-N DOCKER") for rule in rules) else "none",
        "boot": BOOT.read_text().strip(),
    }


def bridges(data: Path) -> set[str]:
    """The bridges of the engine whose data folder this is: its default one and those of the networks made on it."""
    try:
        found = USER_BRIDGE.findall((data / "network" / "files" / "local-kv.db").read_bytes())
    except OSError:
        found = []
    return {BRIDGE, *(name.decode() for name in found)}


def clean(rootfs: Path, data: Path, before: dict[str, str]) -> None:
    """Take down the stopped engine's bridges and firewall rules, and put back what it had changed.

    Chains that another engine shares stay; then only the rules that name our bridges or their addresses go.
    """
    if not before.get("backend"):
        return
    ours = bridges(data)
    subnet = before.get("subnet", "")
    firewall = Firewall(rootfs, before["backend"])
    tables = [(program, table) for program in ("iptables", "ip6tables") for table in ("filter", "nat", "raw")]
    rules = {place: firewall.rules(place[1], place[0]) for place in tables}
    shared = before.get("chains") == "foreign" or any(has_other_engine(each, ours) for each in rules.values())
    for program, table in tables:
        for arguments in removals(rules[program, table], ours, subnet, shared):
            firewall.run("-t", table, *arguments, program=program)
    for bridge in sorted(ours):
        delete_link(rootfs, bridge)
    if not shared and before.get("boot") == BOOT.read_text().strip():
        if before.get("policy"):
            firewall.run("-P", "FORWARD", before["policy"])
        if before.get("forwarding") == "0":
            FORWARDING.write_text("0\n")


def has_other_engine(rules: list[str], ours: set[str]) -> bool:
    """Whether Docker's own chains hold rules for a bridge that is not ours: an engine that came after this one."""
    for rule in rules:
        words = rule.split()
        if words[0] == "-A" and words[1].startswith("DOCKER"):
            named = {words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-i", "-o")}
            if named - ours:
                return True
    return False


def removals(rules: list[str], ours: set[str], subnet: str, shared: bool) -> list[list[str]]:
    """The iptables calls (without -t) that take the engine's rules out of a table listed by `iptables -S`.

    Alone: all DOCKER chains and the jumps to them. Beside another engine: the rules that name our bridges or subnet.
    """
    calls: list[list[str]] = []
    chains = [match.group(1) for rule in rules if rule.startswith("-N") and (match := CHAIN.match(rule))]
    network = ipaddress.IPv4Network(subnet) if subnet else None
    for rule in rules:
        words = rule.split()
        if words[0] != "-A":
            continue
        named = bool(ours.intersection(words)) or (
            network is not None and any(_inside(word, network) for word in words)
        )
        jump = not shared and words[-1] in chains and words[1] not in chains
        if (named and (shared or words[1] not in chains)) or jump:
            calls.append(["-D", *words[1:]])
    if not shared:
        calls += [["-F", chain] for chain in chains] + [["-X", chain] for chain in chains]
    return calls


def _inside(word: str, network: ipaddress.IPv4Network) -> bool:
    try:
        return ipaddress.IPv4Network(word.rpartition("to:")[2] or word, strict=False).subnet_of(network)
    except ValueError:
        address = word.partition(":")[0]
        try:
            return ipaddress.IPv4Address(address) in network
        except ValueError:
            return False


def make_bridge(rootfs: Path, subnet: str) -> None:
    """Make the engine's bridge, with the first address of the subnet's first /24. Raises LabError with the reason."""
    first = next(ipaddress.IPv4Network(subnet).hosts())
    for arguments in (
        ("link", "add", "name", BRIDGE, "type", "bridge"),
        ("address", "add", f"{first}/24", "dev", BRIDGE),
        ("link", "set", BRIDGE, "up"),
    ):
        done = ip(rootfs, *arguments)
        if done.returncode:
            raise LabError(
                f"cannot make the bridge {BRIDGE}: {done.stderr.strip()[:200]}; is this a container without NET_ADMIN?"
            )


def delete_link(rootfs: Path, name: str) -> None:
    """Delete a bridge if it is there."""
    if name in {interface for _, interface in socket.if_nameindex()}:
        ip(rootfs, "link", "delete", name)


def ip(rootfs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["chroot", str(rootfs), "/usr/sbin/ip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env={"PATH": "/usr/sbin:/usr/bin"})
