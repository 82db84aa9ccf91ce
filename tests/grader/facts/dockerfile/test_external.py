"""Images and files that a build takes from outside."""

import pytest

from grader.facts.dockerfile.external import images, remote_files
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.dockerfile.scope import BuildPlatform

DIGEST = "sha256:" + "a" * 64


def resolved(text, **options):
    return resolve(parse(text), **options)


IMAGES = [
    ("FROM python", [("base", 1, "docker.io/library/python:latest")]),
    ("ARG B=python:latest\nFROM $B", [("base", 2, "docker.io/library/python:latest")]),
    ("ARG V\nFROM python:${V:-3.13}-slim", [("base", 2, "docker.io/library/python:3.13-slim")]),
    ("ARG R\nFROM ${R}python:3.13", [("base", 2, "docker.io/library/python:3.13")]),
    ("FROM localhost:5000/x", [("base", 1, "localhost:5000/x:latest")]),
    (f"FROM a:1@{DIGEST}", [("base", 1, f"docker.io/library/a:1@{DIGEST}")]),
    ("FROM scratch", []),
    ("FROM a AS b\nFROM b", [("base", 1, "docker.io/library/a:latest")]),
    ("FROM a AS b\nFROM scratch", []),
    ("FROM scratch\nCOPY --from=nginx:1 /x /y", [("copy", 2, "docker.io/library/nginx:1")]),
    ("FROM scratch AS B\nFROM scratch\nCOPY --from=b /x /y", []),
    ("FROM scratch\nRUN --mount=type=bind,from=uv:1,target=/u u", [("mount", 2, "docker.io/library/uv:1")]),
    ("FROM scratch\nRUN --mount=type=cache,target=/u u", []),
    ("FROM scratch\nONBUILD COPY --from=ubuntu / /", [("onbuild", 2, "docker.io/library/ubuntu:latest")]),
    ("FROM scratch\nONBUILD RUN --mount=from=u:1 x", [("onbuild", 2, "docker.io/library/u:1")]),
    ("# syntax=docker/dockerfile:1\nFROM scratch", [("frontend", 1, "docker.io/docker/dockerfile:1")]),
    ("#!/usr/bin/x\n# syntax=docker/dockerfile:1\nFROM scratch", [("frontend", 2, "docker.io/docker/dockerfile:1")]),
    ("# a\n# syntax=docker/dockerfile:1\nFROM scratch", []),
    (
        "FROM --platform=$BUILDPLATFORM golang:1 AS a\nFROM scratch\nCOPY --from=0 / /",
        [("base", 1, "docker.io/library/golang:1")],
    ),
]


@pytest.mark.parametrize(("text", "expected"), IMAGES)
def test_images_from_outside(text, expected):
    assert [(use.kind, use.line, str(use.reference)) for use in images(resolved(text))] == expected


def test_images_with_build_arguments_and_target():
    text = "ARG V=1\nFROM a:$V AS x\nFROM b:$V"
    assert [use.resolved for use in images(resolved(text, args={"V": "2"}))] == ["b:2"]
    assert [(use.raw, use.resolved) for use in images(resolved(text, target="x"))] == [("a:$V", "a:1")]


def test_the_platform_can_be_another():
    build = resolved("FROM a:$TARGETARCH", platform=BuildPlatform("linux", "arm64", "v8"))
    assert build.target.base == "a:arm64"


REMOTE = [
    ("ADD https://x/y.tgz /", [("http", "", "", False)]),
    (f"ADD --checksum={DIGEST} https://x/y.tgz /", [("http", DIGEST, "", False)]),
    ("ADD https://github.com/a/b.git /", [("git", "", "", False)]),
    ("ADD https://github.com/a/b.git#v1:sub /", [("git", "", "v1", False)]),
    ("ADD git@github.com:a/b.git#" + "c" * 40 + " /", [("git", "", "c" * 40, True)]),
    ("ADD https://github.com/a/b.git?ref=v2 /", [("git", "", "v2", False)]),
    ("ADD a.tgz b.tgz /", []),
    ("COPY a.tgz /", []),
]


@pytest.mark.parametrize(("instruction", "expected"), REMOTE)
def test_remote_files(instruction, expected):
    found = remote_files(resolved(f"FROM scratch\n{instruction}"))
    assert [(file.kind, file.checksum, file.ref, file.commit) for file in found] == expected


def test_a_variable_the_file_never_sets_is_said():
    build = resolved("FROM debian\nARG A\nUSER $A$B\nADD https://x/$C /")
    assert build.target.steps[1].unset == {"A", "B"}
    assert not remote_files(build)[0].known


SOURCES = [
    ("git://example.com/a", "git", ""),
    ("ssh://git@example.com/a", "git", ""),
    ("github.com/a/b.git#main", "git", "main"),
    ("https://example.com/a.git?branch=x&tag=y", "git", "y"),
    ("https://example.com/a.git#v1?ref=v2", "git", "v1?ref=v2"),
    ("https://example.com/a.git.tgz", "http", ""),
    ("http://[bad", "http", ""),
    ("https://example.com/a.tgz#frag", "http", ""),
]


@pytest.mark.parametrize(("source", "kind", "ref"), SOURCES)
def test_what_add_takes_for_a_repository(source, kind, ref):
    (found,) = remote_files(resolved(f"FROM scratch\nADD {source} /x"))
    assert (found.kind, found.ref) == (kind, ref)


@pytest.mark.parametrize("source", ["./a@b:c.git", "../github.com/a.git", "ftp://example.com/x", "a.git", "user@host"])
def test_what_is_a_file_of_the_context(source):
    assert remote_files(resolved(f"FROM scratch\nADD {source} /x")) == ()
