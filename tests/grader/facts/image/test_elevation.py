"""Ways in which a user becomes root by what an image holds: what counts, and what lies there in every image."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from pathlib import Path
from typing import Any

import pytest

from grader.facts.image.elevation import ways_to_root
from tests.grader.facts.image.archives import Maker, image

ELF = b"\x7fELF\2\1\1" + bytes(9)
SETUID = struct.pack("<5I", 0x02000001, 1 << 7, 0, 0, 0).decode("utf-8", "surrogateescape")
BIND = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0).decode("utf-8", "surrogateescape")
SETUID_ROOT = {"mode": 0o4755}
PASSWD = "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\nweb:x:7:7::/:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1000:\nstaff:x:50:web,app\n"
RULE = "app ALL=(ALL) NOPASSWD: ALL\n"


def layer(*entries: tuple[str, Any]) -> bytes:
    """Files by path: their content, or else how they are: mode, owner, group, capability, and where a link leads."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as file:
        for name, given in entries:
            info, content = tarfile.TarInfo(name), b""
            if isinstance(given, str | bytes):
                content = given.encode() if isinstance(given, str) else given
            else:
                content = given.get("content", ELF)
                info.mode, info.uid, info.gid = given.get("mode", 0o755), given.get("uid", 0), given.get("gid", 0)
                if "folder" in given:
                    info.type, content = tarfile.DIRTYPE, b""
                if "same_as" in given:
                    info.type, info.linkname, content = tarfile.LNKTYPE, given["same_as"], b""
                if "capability" in given:
                    info.pax_headers = {"SCHILY.xattr.security.capability": given["capability"]}
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


PEOPLE = (("etc/passwd", PASSWD), ("etc/group", GROUP))
BASE = layer(*PEOPLE)
SUDO = ("usr/bin/sudo", {"mode": 0o4755})
STATUS = ("var/lib/dpkg/status", "Package: mine\nStatus: install ok installed\nVersion: 1\n")
LIST = ("var/lib/dpkg/info/mine.list", "/.\n/usr\n/usr/bin\n/usr/bin/mine\n")
MINE = ("usr/bin/mine", {"mode": 0o4755})


def sums(content: bytes) -> tuple[str, str]:
    return (
        "var/lib/dpkg/info/mine.md5sums",
        f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}  usr/bin/mine\n",
    )


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([("opt/serve", {"mode": 0o4755})], "/opt/serve is set-uid and belongs to root"),
        ([("opt/serve", {"mode": 0o4711})], "/opt/serve is set-uid"),
        ([("opt/serve", {"mode": 0o4750, "gid": 50})], "/opt/serve is set-uid"),  # a group that it is in by its name
        ([("opt/serve", {"mode": 0o4755}), ("opt/s", {"same_as": "opt/serve"})], "/opt/serve is set-uid"),
        ([("opt/serve", {"capability": SETUID})], "/opt/serve has the capability CAP_SETUID"),
        ([("usr/bin/rootbash", {"mode": 0o4755})], "/usr/bin/rootbash is set-uid"),
        ([("opt/su", {"mode": 0o4755})], "/opt/su is set-uid"),  # in no folder of a distribution's
        ([SUDO, ("etc/sudoers", RULE)], "/etc/sudoers lets it use sudo, without a password ('app ALL="),
        (
            [SUDO, ("etc/sudoers", "@includedir /etc/sudoers.d\n"), ("etc/sudoers.d/app", RULE)],
            "/etc/sudoers.d/app lets it use sudo",
        ),
        (
            [SUDO, ("etc/sudoers", "%staff ALL=(ALL) ALL\n"), ("etc/shadow", "app:$6$salt$hash:1::::::\n")],
            "use sudo, with a password that the image has",
        ),
        ([("usr/bin/doas", {"mode": 0o4755}), ("etc/doas.conf", "permit nopass :staff\n")], "/etc/doas.conf lets it"),
        ([("usr/lib/cargo/bin/sudo", {"mode": 0o4755}), ("etc/sudoers", RULE)], "/etc/sudoers lets it use sudo"),
        ([("opt/sudo", {"mode": 0o4755})], "/opt/sudo is set-uid"),  # called sudo, where no distribution has it
        ([SUDO, ("etc/sudoers", "@include /opt/rules\n"), ("opt/rules", RULE)], "/opt/rules lets it use sudo"),
        ([SUDO, ("etc/sudoers", "@includedir /opt/d\n"), ("opt/d/app", RULE)], "/opt/d/app lets it use sudo"),
        (
            [SUDO, ("etc/sudoers", "@include a\n"), ("etc/a", "@include b\n"), ("etc/b", RULE)],
            "/etc/b lets it use sudo",
        ),
        ([SUDO, ("etc/sudoers", "app ALL=(ALL) ALL\n"), ("etc/passwd", "app::1000:1000::/:\n")], "with a password"),
        # By way of another user or group
        (
            [
                ("opt/a", {"mode": 0o4755, "uid": 7}),
                ("o", {"folder": True, "mode": 0o700, "uid": 7}),
                ("o/b", SETUID_ROOT),
            ],
            "/opt/a is set-uid and belongs to uid 7, and then /o/b is set-uid and belongs to root",
        ),
        (
            [("opt/a", {"mode": 0o2755, "gid": 7}), ("opt/b", {"mode": 0o4750, "gid": 7})],
            "/opt/a is set-gid and belongs to gid 7, and then /opt/b is set-uid",
        ),
        (
            [SUDO, ("etc/sudoers", "app ALL=(web) NOPASSWD: ALL\nweb ALL=NOPASSWD: ALL\n")],
            "lets it use sudo, without a password ('app ALL=(web) NOPASSWD: ALL'), and then /etc/sudoers lets it use",
        ),
        (
            [("usr/bin/doas", {"mode": 0o4755}), ("etc/doas.conf", "permit nopass app as web\npermit nopass web\n")],
            "('permit nopass app as web'), and then /etc/doas.conf lets it use doas",
        ),
        ([SUDO, ("etc/sudoers", "app ALL=(web) NOPASSWD: ALL\n"), ("o/b", {"mode": 0o4750, "gid": 7})], "and then"),
        # Odd but right
        ([("opt/a", {"mode": 0o4755, "uid": 7}), ("opt/b", {"mode": 0o4750, "gid": 7})], ""),  # not with its group
        ([("opt/a", {"mode": 0o2745, "gid": 7}), ("opt/b", {"mode": 0o4750, "gid": 7})], ""),
        ([("opt/a", {"mode": 0o4750, "uid": 7, "gid": 7}), ("o/b", {"mode": 0o4700, "uid": 0})], ""),
        ([("usr/bin/expiry", {"mode": 0o2755, "gid": 42}), ("opt/b", {"mode": 0o4750, "gid": 42})], ""),
        ([SUDO, ("etc/sudoers", "app ALL=(web) NOPASSWD: ALL\nother ALL=NOPASSWD: ALL\n")], ""),
        ([("opt/serve", {})], ""),
        ([("opt/serve", {"mode": 0o4755, "uid": 7})], ""),
        ([("opt/serve", {"mode": 0o2755})], ""),
        ([("opt/serve", {"mode": 0o4700})], ""),
        ([("opt/serve", {"mode": 0o4754})], ""),
        ([("opt/serve", {"mode": 0o4750, "gid": 7})], ""),
        ([("opt", {"folder": True, "mode": 0o700}), ("opt/serve", {"mode": 0o4755})], ""),
        ([("opt", {"folder": True, "mode": 0o711}), ("opt/serve", {"mode": 0o4755})], "set-uid"),
        ([("opt/serve", {"capability": BIND})], ""),
        ([("opt/serve", {"mode": 0o4755, "content": b"#!/bin/sh\n"})], ""),  # the kernel ignores the bit of a script
        ([("usr/bin/su", {"mode": 0o4755}), ("bin/mount", {"mode": 0o4755}), ("usr/bin/passwd", {"mode": 0o4755})], ""),
        ([("usr/lib/dbus-1.0/dbus-daemon-launch-helper", {"mode": 0o4755})], ""),
        ([SUDO], ""),
        ([SUDO, ("etc/sudoers", "web ALL=(ALL) NOPASSWD: ALL\n")], ""),
        ([SUDO, ("etc/sudoers", "%staff ALL=(ALL) ALL\n"), ("etc/shadow", "app:!:1::::::\n")], ""),
        ([("usr/bin/sudo", {}), ("etc/sudoers", RULE)], ""),  # not set-uid: it cannot do its work
        ([("etc/sudoers", RULE)], ""),
        ([MINE, LIST, STATUS], ""),
        ([MINE, LIST, STATUS, sums(ELF)], ""),
        ([MINE, ("var/lib/dpkg/info/mine.list", "/bin/mine\n"), STATUS], ""),
        ([MINE, LIST], "set-uid"),  # of a package that is not there
        ([MINE, LIST, STATUS, sums(b"another")], "set-uid"),
        ([("opt/m", {"mode": 0o4755}), ("var/lib/dpkg/info/mine.list", "/opt/m\n"), STATUS, sums(ELF)], "/opt/m is"),
        ([("usr/bin/mine", {"mode": 0o4755}), ("lib/apk/db/installed", "P:mine\nF:usr/bin\nR:mine\nR:x\n")], ""),
        ([("usr/bin/mine", {"mode": 0o4755}), ("lib/apk/db/installed", "P:x\nF:usr\nR:mine\n")], "set-uid"),
        ([("usr/bin/mine", {"mode": 0o4755}), ("var/lib/dpkg/info/x.list", "/usr/bin/mine.conf\n")], "set-uid"),
    ],
)
def test_ways(entries: list[tuple[str, Any]], text: str, tmp_path: Path) -> None:
    found = ways_to_root(image(Maker(BASE, layer(*entries)).bytes(), tmp_path), 1000, 1000, "app")
    if text:
        assert found
        assert text in found[0].text
    else:
        assert found == []


SU = ("usr/bin/su", {"mode": 0o4755})
LOGIN = ("var/lib/dpkg/info/login.list", "/usr/bin/su\n/usr/bin/newgrp\n")
SUMS = ("var/lib/dpkg/info/login.md5sums", f"{hashlib.md5(ELF, usedforsecurity=False).hexdigest()}  bin/su\n")
OWN = ("bin/su", {"mode": 0o4755, "content": b"\x7fELF another"})
DIVERTED = ("var/lib/dpkg/info/mine.list", "/usr/bin/su\n")


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ([[SU, LOGIN, SUMS]], ""),
        ([[SU, LOGIN, SUMS], [SU]], ""),  # changed in nothing, as by chown -R
        ([[SU, LOGIN]], ""),  # a package without checksums
        ([[SU, LOGIN, SUMS, ("usr/bin/newgrp", {"mode": 0o4755})]], ""),  # not among the checksums
        ([[SU, LOGIN, SUMS], [("usr/bin/su", {"mode": 0o755, "content": b"another"})]], ""),  # not set-uid
        ([[SU, LOGIN, SUMS], [("usr/bin/su", {"mode": 0o4755, "content": b"#!/bin/sh"})]], ""),
        ([[SU, LOGIN, SUMS, DIVERTED, ("var/lib/dpkg/info/mine.md5sums", SUMS[1].replace(" bin", " usr/bin"))]], ""),
        ([[SU, LOGIN, ("var/lib/dpkg/info/login.md5sums", f"{'0' * 32}  bin/su\n"), DIVERTED]], ""),
        (
            [[SU, LOGIN, SUMS], [("usr/bin/su", OWN[1])]],
            "/usr/bin/su, which is not the program that its package brought, is set-uid and belongs to root",
        ),
        (
            [[OWN, LOGIN, SUMS]],
            "/bin/su, which is not the program that its package brought, is set-uid and belongs to root",
        ),
        (
            [[OWN, SU, LOGIN, SUMS]],
            "/bin/su, which is not the program that its package brought, is set-uid and belongs to root",
        ),
        ([[SU, ("bin/su", SU[1]), LOGIN, SUMS]], ""),
        (
            [[SU, LOGIN, SUMS], [("sbin/evil", OWN[1]), ("usr/bin/su", {"same_as": "sbin/evil"})]],
            "/usr/bin/su, which is not the program that its package brought, is set-uid",
        ),
    ],
)
def test_in_the_place_of_the_distribution_s(layers: list[list[tuple[str, Any]]], text: str, tmp_path: Path) -> None:
    found = ways_to_root(image(Maker(BASE, *(layer(*each) for each in layers)).bytes(), tmp_path), 1000, 1000, "app")
    assert bool(found) is bool(text)
    assert not text or text in found[0].text


def test_in_a_base_image_it_is_the_distribution_s(tmp_path: Path) -> None:
    made = image(Maker(layer(OWN, LOGIN, SUMS, *PEOPLE), layer(("usr/bin/mount", OWN[1]))).bytes(), tmp_path)
    assert ways_to_root(made, 1000, 1000, "app", base=1) == []
    assert ways_to_root(made, 1000, 1000, "app")


@pytest.mark.parametrize("later", [MINE, ("usr/bin/mine", {"mode": 0o755, "capability": SETUID})])
def test_a_bit_that_the_package_did_not_bring(later: tuple[str, Any], tmp_path: Path) -> None:
    brought = layer(("usr/bin/mine", {}), LIST, STATUS, sums(ELF))
    assert ways_to_root(image(Maker(BASE, brought).bytes(), tmp_path), 1000, 1000, "app") == []
    assert ways_to_root(image(Maker(BASE, brought, layer(later)).bytes(), tmp_path), 1000, 1000, "app")
    alpine = layer(("usr/bin/mine", {}), ("lib/apk/db/installed", "P:mine\nF:usr/bin\nR:mine\n"))
    assert ways_to_root(image(Maker(BASE, alpine, layer(later)).bytes(), tmp_path), 1000, 1000, "app")


def test_what_a_later_layer_does_counts(tmp_path: Path) -> None:
    serve = ("opt/serve", {"mode": 0o4755})
    removed = image(Maker(BASE, layer(serve), layer(("opt/.wh.serve", ""))).bytes(), tmp_path)
    changed = image(Maker(BASE, layer(serve), layer(("opt/serve", {}))).bytes(), tmp_path)
    assert ways_to_root(removed, 1000, 1000, "app") == ways_to_root(changed, 1000, 1000, "app") == []


@pytest.mark.parametrize(
    ("uid", "gid", "name", "reached"),
    [
        (1000, 1000, "app", True),
        (1000, None, "", True),  # by the tables of the image
        (7, 7, "web", True),
        (1000, 1000, "", True),
        (5, None, "", False),  # nobody knows it
        (5, 50, "", True),
        (5, 0, "", False),
    ],
)
def test_groups(uid: int, gid: int | None, name: str, reached: bool, tmp_path: Path) -> None:
    made = image(Maker(BASE, layer(("opt/serve", {"mode": 0o4750, "gid": 50}))).bytes(), tmp_path)
    assert bool(ways_to_root(made, uid, gid, name)) is reached


def test_a_group_whose_number_is_none(tmp_path: Path) -> None:
    odd = layer(("etc/group", "staff:x:\u00b2:app\nmore:x\nlast:x:50:app\n"))
    made = image(Maker(BASE, odd, layer(("opt/serve", {"mode": 0o4750, "gid": 50}))).bytes(), tmp_path)
    assert ways_to_root(made, 1000, 1000, "app")
