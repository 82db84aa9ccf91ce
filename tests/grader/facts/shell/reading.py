"""A RUN, read: a Dockerfile of four lines, and what the commands of the fifth look like."""

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.shell.run import commands

HEAD = 'FROM debian\nARG V=2.0\nENV PKGS="a b" X=x.y.z\nWORKDIR /app\n'  # four lines
FIRST = 5


def run(text, head=HEAD):
    return commands(resolve(parse(f"{head}{text}\n")).target.steps[-1])


def shown(command):
    return " ".join(word.text if word.known else f"?{word.file or word.raw}" for word in command.argv)
