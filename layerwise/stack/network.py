"""The embedded engine's network: its own bridge and subnet, firewall rules, and removing all of it again.

Two engines that write their rules with different backends (nf_tables and legacy) cut off each other's containers, so
the engine writes its rules with the backend that this machine already uses.
"""

from __future__ import annotations

import fcntl
import ipaddress
import re
import shutil
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

from grader.lib import process
from layerwise.errors import LabError

BRIDGE = "layerwise0"
SUBNETS = ("172.29.0.0/16", "172.30.0.0/16", "172.28.0.0/16", "10.213.0.0/16", "10.87.0.0/16", "192.168.224.0/20")
"""The subnets that the engine may use; the first that overlaps no route of this machine is taken."""

ROUTES = Path("/proc/net/route")
BOOT = Path("/proc/sys/kernel/random/boot_id")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
INTERFACES = Path("/sys/class/net")
MADE_BY_DOCKER = re.compile(r"br-[0-9a-f]{12}")
USER_BRIDGE = re.compile(rb'"BridgeName":"(br-[0-9a-f]{12})"')
CHAIN = re.compile(r"^-[NA] (DOCKER\S*)")
_SIOCGIFMTU = 0x8921


def routes(table: str) -> list[tuple[str, ipaddress.IPv4Network]]:
    """The routes in the text of /proc/net/route, as (interface, network), without the default route."""
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
    """A subnet that overlaps no route in `table` but those of interfaces in `ours`, None if there is none.

    `before` is the subnet of the last time, and is kept if possible.
    """
    mine = {BRIDGE, *ours}
    taken = [network for interface, network in routes(table) if interface not in mine]
    for subnet in dict.fromkeys(filter(None, (before, *SUBNETS))):
        if not any(ipaddress.IPv4Network(subnet).overlaps(network) for network in taken):
            return subnet
    return None


def default_mtu() -> int:
    """The largest packet, in bytes, of the default route's interface, 1500 if there is none. A tunnel's is smaller, and
    containers must not send larger ones."""
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
            ended = process.run(command, timeout=30, env={"PATH": "/usr/sbin:/usr/bin"})
        except OSError:
            return 1, ""
        return 1 if ended.status is None else ended.status, ended.stdout.decode(errors="replace")

    def works(self) -> bool:
        """Whether the kernel accepts rules of this backend."""
        return self.run("-t", "nat", "-S")[0] == 0

    def rules(self, table: str, program: str = "iptables") -> list[str]:
        """The table's rules, as `iptables -S` prints them."""
        return self.run("-t", table, "-S", program=program)[1].splitlines()


def choose_backend(rootfs: Path) -> str:
    """The backend that this machine uses, else one that works; empty if none does.

    Asking the legacy backend alone loads its tables into the kernel, so it is asked only if it is in use, or as a last
    resort.
    """
    order = ["nft", "legacy"]
    if _legacy_tables() or backend_of(_iptables_version()) == "legacy":
        order.reverse()
    return next((name for name in order if Firewall(rootfs, name).works()), "")


def _legacy_tables() -> bool:
    """Whether the kernel has tables of the legacy backend, with rules in them."""
    try:
        in_use = Path("/proc/net/ip_tables_names").read_text().split()
    except OSError:
        return False
    if "nat" not in in_use or not shutil.which("iptables-legacy"):
        return "nat" in in_use
    said = process.run(["iptables-legacy", "-t", "nat", "-S"], timeout=30).stdout
    return any(not rule.startswith(b"-P") for rule in said.splitlines())


def _iptables_version() -> str:
    """What this machine's own iptables says of itself; a text that means nft if there is no iptables."""
    if not shutil.which("iptables"):
        return "nf_tables"
    return process.run(["iptables", "--version"], timeout=10).stdout.decode(errors="replace")


def before_start(rootfs: Path, backend: str) -> dict[str, str]:
    """What the engine will change, so that it can be undone (forwarding and the FORWARD policy), and whether another
    engine has chains."""
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
    """The bridges of the engine with this data folder: the default one, and those of networks that were made on it."""
    try:
        found = USER_BRIDGE.findall((data / "network" / "files" / "local-kv.db").read_bytes())
    except OSError:
        found = []
    return {BRIDGE, *(name.decode() for name in found)}


def clean(rootfs: Path, data: Path, before: dict[str, str]) -> None:
    """Remove the bridges and firewall rules of the engine that was stopped, and undo what it had changed.

    Chains that another engine shares stay; then only the rules that name our bridges or their addresses are removed.
    """
    if not before.get("backend"):
        return
    firewall = Firewall(rootfs, before["backend"])
    shared = remove(firewall, bridges(data), before.get("subnet", ""), before.get("chains") == "foreign")
    if not shared and before.get("boot") == BOOT.read_text().strip():
        if before.get("policy"):
            firewall.run("-P", "FORWARD", before["policy"])
        if before.get("forwarding") == "0":
            FORWARDING.write_text("0\n")


def clean_up_after_a_lost_engine(rootfs: Path, backend: str) -> None:
    """Remove what is left of an engine that was killed and whose folder has gone, since nobody else can: its bridges
    and its firewall rules, which would send the lab's ports to containers that are no more.

    Nothing if there is no bridge of a lab. Raises LabError if the bridge is in use: then another lab is running.
    """
    if not _is_interface(BRIDGE):
        return
    ours, subnet = of_a_lost_engine(ROUTES.read_text())
    attached = sorted(name for name in ours if any((INTERFACES / name / "brif").glob("*")))
    if attached:
        raise LabError(f"containers of another lab use the bridge {attached[0]} of this machine; stop that lab first")
    remove(Firewall(rootfs, backend), ours, subnet, shared=False)


def of_a_lost_engine(table: str) -> tuple[set[str], str]:
    """Its bridges and its subnet (empty if no route of /proc/net/route tells it): the default bridge, and those that
    Docker made in the same subnet."""
    found = routes(table)
    address = next((network for name, network in found if name == BRIDGE), None)
    if address is None:
        return {BRIDGE}, ""
    within = (network for network in map(ipaddress.IPv4Network, SUBNETS) if address.subnet_of(network))
    subnet = next(within, address)
    made = {name for name, network in found if MADE_BY_DOCKER.fullmatch(name) and network.subnet_of(subnet)}
    return {BRIDGE, *made}, str(subnet)


def remove(firewall: Firewall, ours: set[str], subnet: str, shared: bool) -> bool:
    """Delete these bridges and the firewall rules that belong to them.

    `shared` tells that another engine has chains too. Returns whether one does, which the rules may show as well.
    """
    tables = [(program, table) for program in ("iptables", "ip6tables") for table in ("filter", "nat", "raw")]
    rules = {place: firewall.rules(place[1], place[0]) for place in tables}
    shared = shared or any(has_other_engine(each, ours) for each in rules.values())
    for program, table in tables:
        for arguments in removals(rules[program, table], ours, subnet, shared):
            firewall.run("-t", table, *arguments, program=program)
    for bridge in sorted(ours):
        delete_link(firewall.rootfs, bridge)
    return shared


def has_other_engine(rules: list[str], ours: set[str]) -> bool:
    """Whether Docker's own chains have rules for a bridge that is not ours: another engine was started meanwhile."""
    for rule in rules:
        words = rule.split()
        if words[0] == "-A" and words[1].startswith("DOCKER"):
            named = {words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-i", "-o")}
            if named - ours:
                return True
    return False


def removals(rules: list[str], ours: set[str], subnet: str, shared: bool) -> list[list[str]]:
    """The iptables calls (without -t) that remove the engine's rules from a table listed by `iptables -S`.

    If the engine was alone, all DOCKER chains and the jumps to them; if the tables are shared with another engine, only
    the rules that name our bridges or our subnet.
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
    """Make the engine's bridge, with the first address of the subnet's first /24. Raises LabError with the reason.

    It gets a hardware address that it keeps. Else Linux gives it the lowest one of the containers on it. Each time that
    container came or went, the others would send to an old address until they ask for their gateway's again, and that
    can take minutes.
    """
    first = next(ipaddress.IPv4Network(subnet).hosts())
    hardware = "02:42:" + first.packed.hex(":")
    for arguments in (
        ("link", "add", "name", BRIDGE, "address", hardware, "type", "bridge"),
        ("address", "add", f"{first}/24", "dev", BRIDGE),
        ("link", "set", BRIDGE, "up"),
    ):
        ended = ip(rootfs, *arguments)
        if ended.status != 0:
            why = ended.stderr.decode(errors="replace").strip()[:200]
            raise LabError(f"cannot make the bridge {BRIDGE}: {why}; is this a container without NET_ADMIN?")


def delete_link(rootfs: Path, name: str) -> None:
    """Delete a bridge, if it exists."""
    if _is_interface(name):
        ip(rootfs, "link", "delete", name)


def _is_interface(name: str) -> bool:
    return name in {interface for _, interface in socket.if_nameindex()}


def ip(rootfs: Path, *arguments: str) -> process.Ended:
    """Run ip(8) from the engine's root filesystem."""
    command = ["chroot", str(rootfs), "/usr/sbin/ip", *arguments]
    return process.run(command, timeout=30, env={"PATH": "/usr/sbin:/usr/bin"})
