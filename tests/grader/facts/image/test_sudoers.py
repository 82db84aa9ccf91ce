"""Rules of sudo and doas: who may become root by them. What sudo itself says of the same rules is asked of a live one
in the tests of `user`."""

from __future__ import annotations

import itertools

import pytest

from grader.errors import NotObservable
from grader.facts.image.sudoers import Account, Effort, doas_rule, sudo_rule

APP = Account("app", 1000, frozenset({"app", "wheel"}), frozenset({1000, 10}), "!")
HASH = "$y$j9T$salt$hash"
HEAD = "Defaults env_reset\nDefaults secure_path=/bin\nroot ALL=(ALL:ALL) ALL\n"


@pytest.mark.parametrize(
    ("rules", "free"),
    [
        ("app ALL=(ALL) NOPASSWD: ALL", True),
        ("app ALL=(ALL:ALL) NOPASSWD:ALL", True),
        ("app ALL = NOPASSWD: ALL", True),
        ("app ALL=(root) NOPASSWD: /usr/sbin/nginx", True),
        ("app\tALL=(ALL)\tNOPASSWD:\tALL", True),
        ("%wheel ALL=(ALL) NOPASSWD: ALL", True),
        ("%#10 ALL=(ALL) NOPASSWD: ALL", True),
        ("#1000 ALL=(ALL) NOPASSWD: ALL  # the app", True),
        ("ALL ALL=(ALL) NOPASSWD: ALL", True),
        ("other, app ALL=(ALL) NOPASSWD: ALL", True),
        ("app build01=(ALL) NOPASSWD: ALL", True),
        ("app ALL=(ALL) NOPASSWD:SETENV: ALL", True),
        ("app ALL=(ALL) \\\n    NOPASSWD: ALL", True),
        ("app ALL=(www) NOPASSWD: /x, (root) /y", True),
        ("app ALL=(www) /x : OTHER=(root) NOPASSWD: /y", True),
        ("User_Alias APPS = app, web\nAPPS ALL=(ALL) NOPASSWD: ALL", True),
        ("APPS ALL=(ALL) NOPASSWD: ALL\nUser_Alias APPS = web, app", True),
        ("Runas_Alias ADMINS = root : OTHERS = www\napp ALL=(ADMINS) NOPASSWD: ALL", True),
        ("Defaults:app !authenticate\napp ALL=(ALL) ALL", True),
        ("Defaults !authenticate\n%wheel ALL=(ALL) ALL", True),
        ("Defaults\t!authenticate\n%wheel ALL=(ALL) ALL", True),
        ("Defaults>root !authenticate\napp ALL=(ALL) ALL", True),
        ("Defaults: web, app !authenticate\napp ALL=(ALL) ALL", True),
        ("Defaults!/bin/x !authenticate\napp ALL=(ALL) /bin/x", True),
        ("ALL, !web ALL=(ALL) NOPASSWD: ALL", True),
        ("app ALL=(ALL, !www) NOPASSWD: ALL", True),
        # Odd, and no way to become root
        ("", None),
        ("web ALL=(ALL) NOPASSWD: ALL", None),
        ("application ALL=(ALL) NOPASSWD: ALL", None),
        ("%sudo ALL=(ALL) NOPASSWD: ALL", None),
        ("%app2 ALL=(ALL) NOPASSWD: ALL", None),
        ("#10 ALL=(ALL) NOPASSWD: ALL", None),
        ("# app ALL=(ALL) NOPASSWD: ALL", None),
        ("app ALL=(www) NOPASSWD: ALL", None),
        ("app ALL=(www, db) NOPASSWD: /x, /y", None),
        ("app ALL=(:docker) NOPASSWD: ALL", None),
        ("app ALL=(ALL) ALL", None),  # its password is locked
        ("%wheel ALL=(ALL) NOPASSWD: /x, PASSWD: /y", True),
        ("app ALL=(ALL) PASSWD: ALL", None),
        ("ALL, !app ALL=(ALL) NOPASSWD: ALL", None),
        ("User_Alias APPS = web\nAPPS ALL=(ALL) NOPASSWD: ALL", None),
        ("app ALL=(ALL, !root) NOPASSWD: ALL", None),
        ("app ALL=(ALL) NOPASSWD: !ALL", None),
        ("Defaults:web !authenticate\napp ALL=(ALL) ALL", None),
        ("Defaults>www !authenticate\napp ALL=(ALL) ALL", None),
        ("Defaults !authenticate\nDefaults\tauthenticate\napp ALL=(ALL) ALL", None),
        ("Cmnd_Alias app = /x", None),
    ],
)
def test_sudo(rules: str, free: bool | None) -> None:
    found = sudo_rule({"/etc/sudoers": HEAD + rules + "\n"}, APP)
    assert (found.free if found else None) is free, found


@pytest.mark.parametrize(
    ("password", "allowed"),
    [("!", False), ("*", False), ("!" + HASH, False), (HASH, True), ("", True), ("aaBBccDDeeFFg", True)],
)
def test_a_rule_that_asks_for_a_password(password: str, allowed: bool) -> None:
    found = sudo_rule({"/etc/sudoers": "app ALL=(ALL) ALL\n"}, APP._replace(password=password))
    assert (found is not None) is allowed
    assert not found or not found.free


@pytest.mark.parametrize(
    ("include", "name", "read"),
    [
        ("@includedir /etc/sudoers.d", "app", True),
        ("#includedir /etc/sudoers.d", "app", True),
        ("@includedir sudoers.d", "99-app", True),
        ("@include /etc/sudoers.d/app.conf", "app.conf", True),
        ("@include sudoers.d/app", "app", True),
        ("@includedir /etc/sudoers.d", "app.conf", False),  # sudo skips these two
        ("@includedir /etc/sudoers.d", "app~", False),
        ("# @includedir /etc/sudoers.d", "app", False),
        ("", "app", False),
    ],
)
def test_files_that_are_included(include: str, name: str, read: bool) -> None:
    files = {"/etc/sudoers": f"{HEAD}{include}\n", f"/etc/sudoers.d/{name}": "app ALL=(ALL) NOPASSWD: ALL\n"}
    found = sudo_rule(files, APP)
    assert (found is not None) is read
    if found:
        assert (found.file, found.text) == (f"/etc/sudoers.d/{name}", "app ALL=(ALL) NOPASSWD: ALL")


def test_files_that_include_each_other() -> None:
    assert sudo_rule({"/etc/sudoers": "@include sudoers\n" * 2}, APP) is None


@pytest.mark.parametrize(
    ("rules", "free"),
    [
        ("permit nopass app", True),
        ("permit nopass keepenv :wheel", True),
        ("permit nopass setenv { A=b -C } app as root", True),
        ("permit nopass 1000 cmd reboot", True),
        ("permit nopass app as root cmd /x args -a", True),
        ("deny app\npermit nopass app", True),
        ("permit nopass app\ndeny app cmd reboot", True),
        ("permit persist app", None),  # its password is locked
        ("permit :wheel", None),
        ("permit nopass app as www", None),
        ("permit nopass web", None),
        ("permit nopass :app2", None),
        ("# permit nopass app", None),
        ("permit nopass app\ndeny :wheel", None),
        ("permit nopass app\npermit app", None),
        ("", None),
    ],
)
def test_doas(rules: str, free: bool | None) -> None:
    found = doas_rule({"/etc/doas.conf": rules + "\n"}, APP)
    assert (found.free if found else None) is free, found


def test_doas_in_parts() -> None:
    rule = "permit nopass :wheel\n"
    assert doas_rule({"/etc/doas.d/wheel.conf": rule}, APP)
    assert doas_rule({"/etc/doas.d/wheel": rule, "/etc/doas.d/a/b.conf": rule}, APP) is None


@pytest.mark.parametrize(
    ("rule", "sudo", "doas"),
    [
        ("app ALL=(www) NOPASSWD: ALL", True, False),
        ("app ALL=(#33) NOPASSWD: ALL", True, False),
        ("app ALL=(ALL) NOPASSWD: ALL", True, False),
        ("app ALL=NOPASSWD: ALL", False, False),  # root alone
        ("app ALL=() NOPASSWD: ALL", False, False),
        ("permit nopass app as www", False, True),
        ("permit nopass app", False, True),
        ("permit nopass app as root", False, False),
    ],
)
def test_another_user(rule: str, sudo: bool, doas: bool) -> None:
    www = ("www", "33")
    assert (sudo_rule({"/etc/sudoers": rule + "\n"}, APP, www) is not None) is sudo
    assert (doas_rule({"/etc/doas.conf": rule + "\n"}, APP, www) is not None) is doas


LENGTH = 200_000
HOSTILE = {
    "quotes": '"' * LENGTH,
    "commas": f"app{',b' * LENGTH} ALL=ALL",
    "commas and blanks": f"app{' , b' * LENGTH} ALL=ALL",
    "parentheses": f"app ALL={',(' * LENGTH}",
    "options": f"Defaults@{'a , ' * LENGTH}",
    "colons": f"app ALL{' : a' * LENGTH}",
    "blanks": f"User_Alias A = {' ' * LENGTH}: B",
    "includes itself": "#include /etc/sudoers\n" * LENGTH,
    "braces": f"permit {'setenv { ' * LENGTH}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_rules_that_want_to_keep_the_reader_busy(text: str) -> None:
    assert sudo_rule({"/etc/sudoers": text}, APP) is None
    assert doas_rule({"/etc/doas.conf": text}, APP) is None


def test_too_many_rules_are_an_error() -> None:
    names = [f"A{number}" for number in range(10)]
    aliases = "".join(f"User_Alias {one} = {', '.join([two] * 40)}\n" for one, two in itertools.pairwise(names))
    with pytest.raises(NotObservable, match="too many rules"):
        sudo_rule({"/etc/sudoers": f"{aliases}A0 ALL=(ALL) ALL\n"}, APP)
    effort = Effort(2000)
    for _ in range(30):
        assert sudo_rule({"/etc/sudoers": "bob ALL=(ALL) ALL\n"}, APP, effort=effort) is None
    with pytest.raises(NotObservable):
        for _ in range(30):
            sudo_rule({"/etc/sudoers": "bob ALL=(ALL) ALL\n"}, APP, effort=effort)
