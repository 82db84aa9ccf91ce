"""Subnets, backends, and which firewall rules go when the embedded engine does."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import network, paths

ROOTFS = paths.home().engine / "rootfs"
needs_rootfs = pytest.mark.skipif(
    not ROOTFS.is_dir(), reason="needs the lab's own engine, and this lab uses the system's"
)
HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


def table(**routes: str) -> str:
    """The text of /proc/net/route for interface=network; the kernel writes addresses as little-endian hexadecimal."""
    lines = []
    for interface, text in routes.items():
        route = ipaddress.IPv4Network(text)
        address, mask = (
            int(part).to_bytes(4, "little").hex().upper() for part in (route.network_address, route.netmask)
        )
        lines.append(f"{interface}\t{address}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n")
    return HEADER + "".join(lines)


@pytest.mark.parametrize(
    ("routes", "before", "chosen"),
    [
        ({}, "", "172.29.0.0/16"),
        ({"eth0": "0.0.0.0/0"}, "", "172.29.0.0/16"),
        ({"eth0": "192.168.1.0/24"}, "", "172.29.0.0/16"),
        ({"tun0": "172.29.5.0/24"}, "", "172.30.0.0/16"),
        ({"tun0": "172.16.0.0/12"}, "", "10.213.0.0/16"),
        ({"tun0": "10.0.0.0/8", "tun1": "172.16.0.0/12"}, "", "192.168.224.0/20"),
        ({"tun0": "10.0.0.0/8", "tun1": "172.16.0.0/12", "tun2": "192.168.0.0/16"}, "", None),
        ({}, "172.30.0.0/16", "172.30.0.0/16"),
        ({"tun0": "172.30.0.0/16"}, "172.30.0.0/16", "172.29.0.0/16"),
        ({"layerwise0": "172.29.0.0/24"}, "", "172.29.0.0/16"),
        ({"lwdev0": "172.29.0.0/24"}, "", "172.30.0.0/16"),
    ],
)
def test_a_subnet_that_crosses_no_route(routes: dict[str, str], before: str, chosen: str | None) -> None:
    assert network.choose_subnet(table(**routes), before) == chosen


def test_our_own_bridges_are_no_obstacle() -> None:
    assert network.choose_subnet(table(**{"br-0123456789ab": "172.29.1.0/24"}), ours=["br-0123456789ab"])


@pytest.mark.parametrize(
    ("said", "backend"),
    [
        ("iptables v1.8.9 (nf_tables)\n", "nft"),
        ("iptables v1.8.9 (legacy)\n", "legacy"),
        ("iptables v1.6.1\n", "legacy"),
    ],
)
def test_the_backend_of_an_iptables(said: str, backend: str) -> None:
    assert network.backend_of(said) == backend


def test_the_mtu_is_a_sensible_one() -> None:
    assert 576 <= network.default_mtu() <= 1500


def test_bridges_are_read_from_the_engines_data(tmp_path: Path) -> None:
    assert network.bridges(tmp_path) == {"layerwise0"}
    (tmp_path / "network" / "files").mkdir(parents=True)
    content = b'\x00\x01{"BridgeName":"br-0123456789ab","X":1}\x00{"BridgeName":"docker0"}{"BridgeName":"br-xyz"}'
    (tmp_path / "network" / "files" / "local-kv.db").write_bytes(content)
    assert network.bridges(tmp_path) == {"layerwise0", "br-0123456789ab"}


OURS = {"layerwise0", "br-0123456789ab"}
SUBNET = "172.29.0.0/16"
FILTER = """\
-P INPUT ACCEPT
-P FORWARD ACCEPT
-N DOCKER
-N DOCKER-USER
-A FORWARD -j DOCKER-USER
-A FORWARD -o layerwise0 -j DOCKER
-A FORWARD -i layerwise0 ! -o layerwise0 -j ACCEPT
-A FORWARD -i br-0123456789ab -o br-0123456789ab -j ACCEPT
-A FORWARD -s 10.77.0.0/16 -j ACCEPT
-A DOCKER -d 172.29.0.2/32 ! -i layerwise0 -o layerwise0 -p tcp -m tcp --dport 5000 -j ACCEPT
-A DOCKER-USER -j RETURN""".splitlines()
NAT = """\
-P POSTROUTING ACCEPT
-N DOCKER
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.29.0.0/24 ! -o layerwise0 -j MASQUERADE
-A POSTROUTING -s 172.29.1.2/32 -d 172.29.1.2/32 -p tcp -m tcp --dport 5000 -j MASQUERADE
-A POSTROUTING -s 10.77.0.0/16 ! -d 10.77.0.0/16 -j MASQUERADE
-A DOCKER -i layerwise0 -j RETURN
-A DOCKER -d 127.0.0.1/32 ! -i layerwise0 -p tcp --dport 5000 -j DNAT --to-destination 172.29.1.2:5000""".splitlines()
OTHER = ["-A DOCKER -i docker0 -j RETURN", "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"]


def joined(calls: list[list[str]]) -> list[str]:
    return [" ".join(call) for call in calls]


class TestAlone:
    def test_all_of_dockers_chains_go_and_nothing_else(self) -> None:
        assert joined(network.removals(FILTER, OURS, SUBNET, shared=False)) == [
            "-D FORWARD -j DOCKER-USER",
            "-D FORWARD -o layerwise0 -j DOCKER",
            "-D FORWARD -i layerwise0 ! -o layerwise0 -j ACCEPT",
            "-D FORWARD -i br-0123456789ab -o br-0123456789ab -j ACCEPT",
            "-F DOCKER",
            "-F DOCKER-USER",
            "-X DOCKER",
            "-X DOCKER-USER",
        ]

    def test_of_the_nat_table_too(self) -> None:
        assert joined(network.removals(NAT, OURS, SUBNET, shared=False)) == [
            "-D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
            "-D POSTROUTING -s 172.29.0.0/24 ! -o layerwise0 -j MASQUERADE",
            "-D POSTROUTING -s 172.29.1.2/32 -d 172.29.1.2/32 -p tcp -m tcp --dport 5000 -j MASQUERADE",
            "-F DOCKER",
            "-X DOCKER",
        ]

    @pytest.mark.parametrize("rules", [[], ["-P INPUT ACCEPT"], ["-P INPUT DROP", "-A INPUT -i lo -j ACCEPT"]])
    def test_a_table_without_docker_is_left_alone(self, rules: list[str]) -> None:
        assert network.removals(rules, OURS, SUBNET, shared=False) == []


class TestBesideAnotherEngine:
    @pytest.mark.parametrize(("rules", "other"), [(NAT, False), (NAT + OTHER, True), (FILTER, False), ([], False)])
    def test_it_is_seen(self, rules: list[str], other: bool) -> None:
        assert network.has_other_engine(rules, OURS) is other

    def test_only_rules_of_our_bridges_and_addresses_go(self) -> None:
        assert joined(network.removals(NAT + OTHER, OURS, SUBNET, shared=True)) == [
            "-D POSTROUTING -s 172.29.0.0/24 ! -o layerwise0 -j MASQUERADE",
            "-D POSTROUTING -s 172.29.1.2/32 -d 172.29.1.2/32 -p tcp -m tcp --dport 5000 -j MASQUERADE",
            "-D DOCKER -i layerwise0 -j RETURN",
            "-D DOCKER -d 127.0.0.1/32 ! -i layerwise0 -p tcp --dport 5000 -j DNAT --to-destination 172.29.1.2:5000",
        ]


LOST_ENGINE = """\
import json, socket, sys
from pathlib import Path
from layerwise.stack import network

rootfs = Path(sys.argv[1])
firewall = network.Firewall(rootfs, "nft")

def tell():
    links = sorted(name for _, name in socket.if_nameindex() if name in ("lo", "layerwise0") or name[:3] == "br-")
    print(json.dumps({"links": links, "rules": firewall.rules("nat")}))

network.make_bridge(rootfs, "172.29.0.0/16")
network.ip(rootfs, "link", "add", "name", "br-0123456789ab", "type", "bridge")
network.ip(rootfs, "address", "add", "172.29.1.1/24", "dev", "br-0123456789ab")
network.ip(rootfs, "link", "set", "br-0123456789ab", "up")
for rule in (
    "-N DOCKER",
    "-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER",
    "-A POSTROUTING -s 172.29.0.0/24 ! -o layerwise0 -j MASQUERADE",
    "-A DOCKER -d 127.0.0.1/32 ! -i br-0123456789ab -p tcp --dport 5000 -j DNAT --to-destination 172.29.1.2:5000",
):
    assert firewall.run("-t", "nat", *rule.split())[0] == 0, rule
tell()
network.clean_up_after_a_lost_engine(rootfs, "nft")
network.make_bridge(rootfs, "172.29.0.0/16")
tell()
"""


CONTAINERS_COME_AND_GO = """\
import sys
from pathlib import Path
from layerwise.stack import network

rootfs = Path(sys.argv[1])
network.make_bridge(rootfs, "172.29.0.0/16")

def tell():
    print(Path("/sys/class/net/layerwise0/address").read_text().strip())

tell()
for name, address in ("veth1", "02:00:00:00:00:02"), ("veth2", "02:00:00:00:00:01"):
    network.ip(rootfs, "link", "add", name, "address", address, "type", "veth", "peer", "name", f"{name}-peer")
    network.ip(rootfs, "link", "set", name, "master", "layerwise0", "up")
    tell()
network.ip(rootfs, "link", "delete", "veth2")
tell()
"""


def in_a_namespace(program: str) -> list[str]:
    """What a program prints in a network namespace of its own, with a /sys that shows its bridges and not the
    machine's."""
    own_sys = ["sh", "-c", 'mount -t sysfs sysfs /sys && exec "$@"', "sh"]
    command = ["unshare", "--net", "--mount", *own_sys, sys.executable, "-c", program, str(ROOTFS)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


@pytest.mark.lab
@needs_rootfs
def test_the_bridge_keeps_its_hardware_address() -> None:
    """Containers remember where their gateway is. Were it the address of one of them, it would change with them."""
    first, *later = in_a_namespace(CONTAINERS_COME_AND_GO)
    assert first == "02:42:ac:1d:00:01"
    assert later == [first] * 3


class TestOfALostEngine:
    """What an engine that was killed leaves on the machine, when its folder has gone too."""

    @pytest.mark.parametrize(
        ("routes", "ours", "subnet"),
        [
            ({}, {"layerwise0"}, ""),
            ({"layerwise0": "172.29.0.0/24"}, {"layerwise0"}, "172.29.0.0/16"),
            (
                {"layerwise0": "172.29.0.0/24", "br-0123456789ab": "172.29.1.0/24", "br-ba9876543210": "172.18.0.0/16"},
                {"layerwise0", "br-0123456789ab"},
                "172.29.0.0/16",
            ),
            ({"layerwise0": "172.29.0.0/24", "tun0": "172.29.1.0/24"}, {"layerwise0"}, "172.29.0.0/16"),
            ({"layerwise0": "10.9.0.0/24"}, {"layerwise0"}, "10.9.0.0/24"),
        ],
    )
    def test_its_bridges_and_its_subnet(self, routes: dict[str, str], ours: set[str], subnet: str) -> None:
        assert network.of_a_lost_engine(table(**routes)) == (ours, subnet)

    def test_a_bridge_that_containers_use_is_another_labs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "layerwise0" / "brif" / "veth0").mkdir(parents=True)
        monkeypatch.setattr(network, "INTERFACES", tmp_path)
        monkeypatch.setattr("socket.if_nameindex", lambda: [(1, "lo"), (2, "layerwise0")])
        with pytest.raises(LabError, match="containers of another lab use the bridge layerwise0 of this machine; stop"):
            network.clean_up_after_a_lost_engine(tmp_path, "nft")

    @pytest.mark.lab
    @needs_rootfs
    def test_nothing_of_it_stays(self) -> None:
        before, after = map(json.loads, in_a_namespace(LOST_ENGINE))
        assert before["links"] == ["br-0123456789ab", "layerwise0", "lo"]
        assert any("172.29.1.2:5000" in rule for rule in before["rules"])
        assert after["links"] == ["layerwise0", "lo"], "made anew"
        assert [rule for rule in after["rules"] if not rule.startswith("-P")] == []
