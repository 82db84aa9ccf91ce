"""Installs of a RUN, and how they are shown in tables of cases."""

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.packages.installs import installs

HEAD = 'FROM debian\nARG V=2.0\nENV PKGS="a b"\nWORKDIR /app\n'


def build(text, head=HEAD):
    return resolve(parse(f"{head}{text}\n"))


def shown(install):
    """manager action: packages; ! marks what is not known, ~ what is local; then files in < >."""
    packages = [("!" * (not p.known) + "~" * p.local) + (p.text or p.raw) for p in install.packages]
    files = [f"<{file.kind} {'' if file.implied else '='}{file.path}>" for file in install.files]
    return f"{install.manager} {install.action}: {' '.join([*packages, *files])}".strip()


def of_script(script):
    """The installs of a RUN with that script, as they are shown."""
    return [shown(install) for install in installs(build(f"RUN {script}"))]
