"""`user`: forty images, each judged by its config, as it runs, and both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from grader.checks import user
from grader.facts.engine.engine import Engine
from grader.verdict import Verdict
from tests.grader.conftest import facts_of
from tests.tables import cases

pytestmark = pytest.mark.waits

SLEEP = 'CMD ["sleep", "300"]\n'
DEBIAN = "localhost:5000/base/debian:trixie-slim"
PYTHON = "localhost:5000/base/python:3.13-slim"
# Ids belong to a thread, for the kernel; here the one that is looked at first gives root up, and another keeps it.
THREAD = (
    "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(300,)).start(); "
    "ctypes.CDLL(None).syscall(113 if 'x86' in __import__('os').uname().machine else 145, 7, 7); time.sleep(300)"
)
DROPS = 'ENTRYPOINT ["sh", "-c", "{} exec su -s /bin/sh nobody -c \'exec sleep 300\'"]\n'


CAPABLE = f"""FROM {PYTHON}
RUN cp /usr/bin/python3.13 /usr/local/bin/serve && python3 -c "import os, struct; os.setxattr('/usr/local/bin/serve', \
    'security.capability', struct.pack('<5I', 0x02000001, 1 << {{bit}}, 0, 0, 0))"
RUN printf '%s\\n' 'import os, time' 'try: os.setuid(0)' 'except OSError: pass' 'time.sleep(300)' > /a.py
"""
SERVE = 'USER 1000\nCMD ["/usr/local/bin/serve", "/a.py"]\n'
SUDO = f"""FROM {DEBIAN}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends sudo >/dev/null && useradd -m app
RUN echo '{{rule}}' > /etc/sudoers.d/app
"""


class Case(NamedTuple):
    """A Dockerfile after its FROM, and whether it passes by config, at runtime; and a word of the message."""

    name: str
    body: str
    config: bool
    runtime: bool
    says: str = ""


def passwd(*lines: str) -> str:
    text = "\\n".join(lines)
    return f"RUN printf '{text}\\n' > /etc/passwd\n"


CASES = [
    Case("no user", SLEEP, False, False, "sets a USER"),
    Case("a name", "USER nobody\n" + SLEEP, True, True),
    Case("a number", "USER 65534\n" + SLEEP, True, True),
    Case("a number nobody has", "USER 1000\n" + SLEEP, True, True),
    Case("a number with a group nobody has", "USER 1000:1000\n" + SLEEP, True, True),
    Case("root's group", "USER 1000:0\n" + SLEEP, True, True),
    Case("zero", "USER 0\n" + SLEEP, False, False, "'0'"),
    Case("two zeros", "USER 00\n" + SLEEP, False, False, "'00'"),
    Case("plus zero", "USER +0\n" + SLEEP, False, False, "'+0'"),
    Case("root", "USER root\n" + SLEEP, False, False, "'root'"),
    Case("root and its group", "USER root:root\n" + SLEEP, False, False, "'root:root'"),
    Case("zeros", "USER 0:0\n" + SLEEP, False, False, "'0:0'"),
    Case("root with another group", "USER 0:1000\n" + SLEEP, False, False, "'0:1000'"),
    Case("no name but a group", "USER :1000\n" + SLEEP, False, False),
    Case("another name for root", passwd("app:x:0:0::/:/bin/sh") + "USER app\n" + SLEEP, False, False, "uid 0"),
    Case("root by the second line", passwd("app:x:7:7::/:", "app:x:0:0::/:") + "USER app\n" + SLEEP, True, True),
    Case("root by the first line", passwd("app:x:0:0::/:", "app:x:7:7::/:") + "USER app\n" + SLEEP, False, False),
    Case("a uid that is no number", passwd("app:x:seven:7::/:") + "USER app\n" + SLEEP, False, False, "uid 0"),
    Case("a line with a name only", passwd("app") + "USER app\n" + SLEEP, False, False, "uid 0"),
    Case("a name that is a number", passwd("1000:x:0:0::/:") + "USER 1000\n" + SLEEP, True, True),
    Case("root is not called root", passwd("chief:x:0:0::/:", "root:x:7:7::/:") + "USER root\n" + SLEEP, True, True),
    Case("no such user", "USER nosuch\n" + SLEEP, False, False, "no user 'nosuch'"),
    Case("no such group", "USER nobody:nosuch\n" + SLEEP, False, False, "no group 'nosuch'"),
    Case("too large", "USER 4294967296\n" + SLEEP, False, False, "2147483647"),
    Case("unset argument", "ARG WHO\nUSER $WHO\n" + SLEEP, False, False),
    Case("argument that is root", "ARG WHO=root\nUSER ${WHO}\n" + SLEEP, False, False),
    Case("argument that is not", "ARG WHO=nobody\nUSER ${WHO}\n" + SLEEP, True, True),
    Case("root again at the end", "USER nobody\nUSER root\n" + SLEEP, False, False),
    Case("root only for a while", "USER root\nRUN true\nUSER nobody\n" + SLEEP, True, True),
    Case("a comment", "# USER nobody\n" + SLEEP, False, False),
    Case("in a heredoc", "RUN <<END\ncat > /x <<IN\nUSER nobody\nIN\nEND\n" + SLEEP, False, False),
    Case("an environment variable", "ENV USER=nobody\n" + SLEEP, False, False),
    Case("in the builder only", "USER nobody\nFROM {base}\n" + SLEEP, False, False),
    Case("inherited", "USER nobody\nFROM first\n" + SLEEP, True, True),
    Case("no passwd, a number", "RUN rm /etc/passwd\nUSER 7\n" + SLEEP, True, True),
    Case("no passwd, a name", "RUN rm /etc/passwd\nUSER nobody\n" + SLEEP, False, False, "no user 'nobody'"),
    Case(
        "passwd is a link",
        "RUN echo app:x:7:7::/:/bin/sh > /opt-passwd && ln -sf ../opt-passwd /etc/passwd\nUSER app\n" + SLEEP,
        True,
        True,
    ),
    Case(
        "passwd is changed afterwards",
        passwd("app:x:7:7::/:") + "USER app\nUSER 0\n" + passwd("app:x:0:0::/:") + "USER app\n" + SLEEP,
        False,
        False,
        "uid 0",
    ),
    Case(
        "from nothing",
        "FROM scratch\nCOPY --from=first /bin/busybox /bin/sleep\nUSER 65532\n" + SLEEP,
        True,
        True,
    ),
    Case("drops root", DROPS.format(""), False, True, "runs as uid 65534"),
    Case("drops root after a while", DROPS.format("sleep 1;"), False, True),
    Case("drops root but for a child", DROPS.format("sleep 299 & "), False, False),
    Case("set-uid program", "RUN cp /bin/busybox /sleep && chmod 4755 /sleep\nUSER nobody\n"
         'CMD ["/sleep", "300"]\n', True, False, "can become root: /sleep is set-uid"),
    Case("set-uid program on the path", "RUN cp /bin/busybox /usr/sbin/sleep && chmod 4755 /usr/sbin/sleep\n"
         "USER nobody\n" + SLEEP, True, False, "can become root: /usr/sbin/sleep is set-uid"),
    Case("set-uid program behind a shell", f"FROM {DEBIAN}\nRUN mkdir /o && cp /bin/sleep /o/ && chmod 4755 /o/sleep\n"
         "USER nobody\nCMD /o/sleep 300; true\n", True, False, "another process in the container runs as root: /o"),
    Case("set-uid program under a harmless name", f"FROM {DEBIAN}\nRUN cp /bin/sleep /x && chmod 4755 /x\nUSER nobody\n"
         'CMD ["bash", "-c", "exec -a sleep /x 300"]\n', True, False, "and became root"),
    Case("set-uid, but another user's", "RUN cp /bin/busybox /sleep && chown 7 /sleep && chmod 4755 /sleep\n"
         'USER nobody\nCMD ["/sleep", "300"]\n', True, True),
    Case("drops root in one thread only", f'FROM {PYTHON}\nCMD ["python3", "-c", "{THREAD}"]\n', False, False),
    Case("a folder of tables that is a link", "RUN mkdir /n && cp -a /bin /n && mkdir /n/e && ln -s e /n/etc && "
         "echo app:x:0:0::/: > /n/e/passwd\nFROM scratch\nCOPY --from=first /n /\nUSER app\n"
         'CMD ["/bin/sleep", "300"]\n', False, False, "uid 0"),
    Case("minus zero", "USER -0\n" + SLEEP, False, False, "'-0'"),
    Case("lines that end as on Windows", passwd("app:x:7:7::/:\\r") + "USER app\n" + SLEEP, True, True),
    Case("set-uid program that nobody has started yet", "RUN cp /bin/busybox /other && chmod 4755 /other\n"
         "USER nobody\n" + SLEEP, True, False, "can become root: /other is set-uid"),
    Case("set-uid program out of reach", "RUN cp /bin/busybox /other && chmod 4700 /other\nUSER nobody\n" + SLEEP,
         True, True),
    Case("set-uid programs of the distribution", f"FROM {DEBIAN}\nUSER nobody\n" + SLEEP, True, True),
    Case("another program in su's place", f"FROM {DEBIAN}\nRUN cp /bin/bash /bin/su && chmod 4755 /bin/su\n"
         "USER nobody\n" + SLEEP, True, False, "/usr/bin/su, which is not the program that its package brought, is"),
    Case("su, with another owner for a moment", f"FROM {DEBIAN}\nRUN chown 7 /bin/su && chown 0 /bin/su && chmod 4755 "
         "/bin/su\nUSER nobody\n" + SLEEP, True, True),
    Case("capability", CAPABLE.format(bit=7) + SERVE, True, False, "and became root"),
    Case("capability, used later", CAPABLE.format(bit=7).replace("'try:", "'time.sleep(60)' 'try:") + SERVE, True,
         False, "/usr/local/bin/serve has the capability CAP_SETUID"),
    Case("capability for low ports", CAPABLE.format(bit=10) + SERVE, True, True),
    Case("sudo in the entrypoint", SUDO.format(rule="app ALL=(ALL) NOPASSWD: ALL") + "USER app\n"
         'ENTRYPOINT ["sh", "-c", "sudo chown app /srv; exec sudo -E sleep 300"]\n', True, False, "root"),
    Case("sudo, and it ends at once", SUDO.format(rule="app ALL=(ALL) NOPASSWD: ALL") + "USER app\n"
         'CMD ["sudo", "true"]\n', True, False, "root"),
    Case("sudo that nobody has used yet", SUDO.format(rule="app ALL=(ALL) NOPASSWD: ALL") + "USER app\n" + SLEEP,
         True, False, "/etc/sudoers.d/app lets it use sudo, without a password"),
    Case("sudo for another user", SUDO.format(rule="www ALL=(ALL) NOPASSWD: ALL") + "USER app\n" + SLEEP, True, True),
    Case("sudo with a password that nobody has", SUDO.format(rule="app ALL=(ALL) ALL") + "USER app\n" + SLEEP,
         True, True),
    Case("sudo by a file elsewhere, and a tab", SUDO.format(rule="app ALL=(ALL) ALL")
         + "RUN printf 'Defaults\\t!authenticate\\n' > /opt/rules "
         "&& echo '@include /opt/rules' >> /etc/sudoers\nUSER app\n" + SLEEP, True, False,
         "/etc/sudoers.d/app lets it use sudo, without a password"),
    Case("sudo by way of another user", SUDO.format(rule="app ALL=(web) NOPASSWD: ALL")
         + "RUN useradd web && echo 'web ALL=NOPASSWD: ALL' >> /etc/sudoers\nUSER app\n" + SLEEP, True, False,
         "and then"),
    Case("a set-uid bit on a program that a package brought", f"FROM {DEBIAN}\nRUN chmod u+s /usr/bin/perl\n"
         "USER nobody\n" + SLEEP, True, False, "/usr/bin/perl is set-uid"),
    Case("a set-uid program that dpkg's lists were made to name", f"FROM {DEBIAN}\nRUN cp /usr/bin/perl /opt/x && "
         "chmod u+s /opt/x && echo /opt/x >> /var/lib/dpkg/info/perl-base.list\nUSER nobody\n" + SLEEP, True, False,
         "/opt/x is set-uid"),
    Case("a package with a set-uid program", f"FROM {DEBIAN}\nRUN apt-get update -qq && apt-get install -y -qq "
         "--no-install-recommends pmount >/dev/null && test -u /usr/bin/pmount\nUSER nobody\n" + SLEEP, True, True),
    Case("drops root where no new privileges can be had", 'ENTRYPOINT ["sh", "-c", "grep -q NoNewPrivs:.1 '
         "/proc/self/status && exec su -s /bin/sh nobody -c 'exec sleep 300'; exec sleep 300\"]\n", False, False),
    Case("a probe at once", "USER nobody\nHEALTHCHECK --interval=1s CMD true\n" + SLEEP, True, True),
    Case("root after a moment of sleep", f"FROM {DEBIAN}\nRUN passwd -d root\nUSER nobody\n"
         'CMD ["sh", "-c", "sleep 0.5; exec su -c \'exec sleep 300\'"]\n', True, False, "root"),
    Case("ends at once", 'USER nobody\nCMD ["true"]\n', True, True),
    Case("ends at once, as root", 'CMD ["true"]\n', False, False),
    Case("cannot start", 'USER nobody\nCMD ["/no/such/program"]\n', True, False, "does not start"),
    Case("has nothing to start", "USER nobody\nCMD []\nENTRYPOINT []\n", True, False, "does not start"),
    Case("not allowed to start", 'RUN echo "#!/bin/sh" > /x && chmod 600 /x\nUSER nobody\nCMD ["/x"]\n', True, False,
         "does not start"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user, "PATIENCE", 3.0)
    monkeypatch.setattr(user, "GLANCE", 0.5)


def judged(folder: Path, engine: Engine, **params: object) -> Verdict:
    with facts_of(folder, engine) as facts:
        return user.judge(facts, user.Params.model_validate(params))


LONG = (
    "two zeros", "plus zero", "root and its group", "zeros", "root with another group", "no name but a group",
    "another name for root", "root by the second line", "root by the first line", "a uid that is no number",
    "a line with a name only", "a name that is a number", "root is not called root", "too large", "unset argument",
    "argument that is not", "root again at the end", "root only for a while", "a comment", "an environment variable",
    "in the builder only", "no passwd, a number", "no passwd, a name", "passwd is a link", "minus zero",
    "lines that end as on Windows", "a number with a group nobody has", "zero", "argument that is root",
    "sudo for another user", "sudo by way of another user", "sudo with a password that nobody has",
    "sudo by a file elsewhere, and a tab", "sudo, and it ends at once",
    "a set-uid program that dpkg's lists were made to name",
)  # fmt: skip
"""Cases whose rule has fast tests in tests/grader/facts/image/test_users.py."""


@pytest.mark.engine
@pytest.mark.parametrize("case", cases(CASES, LONG))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base} AS first\n" + case.body.replace("{base}", base))
    with facts_of(folder, engine) as facts:
        found = {at: user.judge(facts, user.Params(at=at)) for at in ("config", "runtime", "both")}
    for verdict in found.values():
        assert verdict.message
        assert "{" not in verdict.message
    assert {at: verdict.fraction == 1.0 for at, verdict in found.items()} == {
        "config": case.config,
        "runtime": case.runtime,
        "both": case.config and case.runtime,
    }, found
    assert case.says in found["both"].message, found["both"].message


@pytest.mark.engine
def test_saved_root_is_root(submit: Callable[..., Path], engine: Engine) -> None:
    folder = submit(Dockerfile=f'FROM {DEBIAN}\nENTRYPOINT ["setpriv", "--ruid=1000", "sleep", "300"]\n')
    verdict = judged(folder, engine, at="runtime")
    assert verdict.fraction == 0.0
    assert "also holds root's" in verdict.message


@pytest.mark.engine
@pytest.mark.parametrize(("name", "passes"), [("65534", True), ("65534:nobody", False), ("nobody", False)])
def test_numeric(name: str, passes: bool, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base}\nUSER {name}\n{SLEEP}")
    assert (judged(folder, engine, numeric=True, at="config").fraction == 1.0) is passes
