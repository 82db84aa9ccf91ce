"""The Dockerfile as BuildKit understands it: syntax, stages, variables, outside references, commands and installs.

    file = parse(text)                       # or read(path); DockerfileSyntaxError where BuildKit reports one
    file.instructions, file.stages, file.global_args, file.directives, file.escape, file.syntax
    file.stages[0].instructions[2].line      # every instruction knows its lines, flags, args, JSON form, heredocs

    build = resolve(file, target="", args={"VERSION": "3"})    # DockerfileError where the build could not start
    build.target                             # the stage that becomes the image (ResolvedStage)
    build.target.state.user                  # effective USER at its end; None: whatever the base image says
    build.reachable                          # the stages BuildKit runs for this target, in file order
    for step in build.target.steps:          # one per instruction: expanded args and flags, state before and after
        step.instruction.line, step.args, step.before.workdir, step.before.env

    images(build)                            # every image taken from outside -> ImageUse (line, raw, reference)
    remote_files(build)                      # ADD of URLs and git repositories -> RemoteFile (url, checksum, commit)
    parse_reference("localhost:5000/x")      # ImageReference, or None when Docker refuses it

    commands(step)                           # simple commands of a RUN, through sh -c, &&, loops, heredocs -> Command
    fully_read(step)                         # False when a script is too deep or too long for that: then some is unseen
    installs(step)                           # package installs -> Install (manager, packages, files, options, line)
    downloads(step)                          # curl, wget, git clone -> Download (url, verified, piped_to, commit)

`installs` and `downloads` take a step, a stage or a whole build (then: its reachable stages, in file order).
All values are frozen; nothing here runs a process or needs an engine. Lines count from 1. Anything that depends on what
the file alone cannot say (the base image's own ENV, a command's output) is marked `known=False` rather than guessed.

Whatever a file holds, the answer comes in a few seconds: more than 1 MiB, 5000 instructions (those of ONBUILD counted
each time), 500 stages, 1000 variables in a stage or 128 KiB in a word are refused.

Where BuildKit's versions differ the current one is followed: newer flags are accepted, `# check=` is a directive, the
arguments of one ARG see each other. Only what stands behind a JSON array is ignored, as up to 0.13. Some files
are refused also because BuildKit 0.13 (Docker 26) panics on them or never ends, and takes the engine along: one without
FROM, an empty pattern as in ${A#}, stages in a circle, stages entangled in a hundred thousand ways. So call `resolve`
before an engine sees a file.
"""

from grader.facts.dockerfile.build import resolve
from grader.facts.dockerfile.downloads import Download, downloads
from grader.facts.dockerfile.evaluate import heredoc_text, normalised_path
from grader.facts.dockerfile.external import ImageUse, RemoteFile, images, remote_files
from grader.facts.dockerfile.installs import FileUse, Install, Package, installs
from grader.facts.dockerfile.model import (
    Directive,
    Dockerfile,
    DockerfileError,
    DockerfileSyntaxError,
    Heredoc,
    Instruction,
    Stage,
)
from grader.facts.dockerfile.mounts import Mount
from grader.facts.dockerfile.parser import parse, read
from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.dockerfile.resolved import Build, ResolvedStage, State, Step, Use
from grader.facts.dockerfile.runs import commands, fully_read
from grader.facts.dockerfile.scope import Platform
from grader.facts.dockerfile.shell import Command
from grader.facts.dockerfile.shellwords import Word

__all__ = [
    "Build",
    "Command",
    "Directive",
    "Dockerfile",
    "DockerfileError",
    "DockerfileSyntaxError",
    "Download",
    "FileUse",
    "Heredoc",
    "ImageReference",
    "ImageUse",
    "Install",
    "Instruction",
    "Mount",
    "Package",
    "Platform",
    "RemoteFile",
    "ResolvedStage",
    "Stage",
    "State",
    "Step",
    "Use",
    "Word",
    "commands",
    "downloads",
    "fully_read",
    "heredoc_text",
    "images",
    "installs",
    "normalised_path",
    "parse",
    "parse_reference",
    "read",
    "remote_files",
    "resolve",
]
