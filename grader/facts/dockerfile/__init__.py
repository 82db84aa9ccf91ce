"""Read a Dockerfile as BuildKit does: syntax, stages, variables, outside references, commands and installs.

    file = parse(text)                       # or read(path); raises DockerfileSyntaxError if BuildKit refuses the file
    file.instructions, file.stages, file.global_args, file.directives, file.escape, file.syntax
    file.stages[0].instructions[2].line      # every instruction has its lines, flags, args, JSON form, heredocs

    build = resolve(file, target="", args={"VERSION": "3"})    # DockerfileError if the build could not start
    build.target                             # the stage that becomes the image (ResolvedStage)
    build.target.state.user                  # the effective USER at its end; None: that of the base image
    build.reachable                          # the stages that BuildKit runs for this target, in file order
    for step in build.target.steps:          # one per instruction: expanded args and flags, state before and after
        step.instruction.line, step.args, step.before.workdir, step.before.env

    images(build)                            # every image taken from outside -> ImageUse (line, raw, reference)
    remote_files(build)                      # ADD of URLs and git repositories -> RemoteFile (url, checksum, commit)
    parse_reference("localhost:5000/x")      # ImageReference, or None if Docker refuses it

    commands(step)                           # simple commands of a RUN, through sh -c, &&, loops, heredocs -> Command
    fully_read(step)                         # False if a script is too deep or too long: then some commands are missing
    installs(step)                           # package installs -> Install (manager, packages, files, options, line)
    downloads(step)                          # curl, wget, git clone -> Download (url, verified, piped_to, commit)

`installs` and `downloads` take a step, a stage or a whole build (that is, its reachable stages, in file order).
All values are frozen. Nothing here runs a process or needs an engine. Line numbers start at 1. A value that depends on
more than the file (the base image's own ENV, a command's output) is marked `known=False` and not guessed.

Every file is read in a few seconds. A file with more than 1 MiB, 5000 instructions (those of ONBUILD counted each
time), 500 stages, 1000 variables in a stage or 128 KiB in a word is refused.

If the versions of BuildKit differ, the current one is followed: newer flags are accepted, `# check=` is a directive,
and the arguments of one ARG see each other. The exception is text after a JSON array: it is ignored, as BuildKit does
up to 0.13. Some files are refused because BuildKit 0.13 (Docker 26) panics on them or never ends, and takes the engine
down with it: a file without FROM, an empty pattern as in ${A#}, stages in a circle, stages that depend on each other
in a hundred thousand ways. So call `resolve` before an engine sees a file.
"""
