"""What the lab's own engine is told of this machine."""

from __future__ import annotations

from pathlib import Path

from layerwise.stack import embedded
from layerwise.stack.paths import Home


def test_it_has_this_machine_s_name_servers_and_asks_again_soon(tmp_path: Path) -> None:
    home = Home(tmp_path)
    etc = home.engine / "rootfs" / "etc"
    (etc / "ssl" / "certs").mkdir(parents=True)
    for _ in range(2):
        embedded.refresh(home)
        lines = (etc / "resolv.conf").read_text().splitlines()
        own = [line for line in Path("/etc/resolv.conf").read_text().splitlines() if line.startswith("nameserver")]
        assert [line for line in lines if line.startswith("nameserver")] == own or "nameserver 127.0.0.53" in own
        assert lines[-1] == "options timeout:2 attempts:5"
