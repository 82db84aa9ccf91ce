"""Resolve the stages of a build as BuildKit does, with variables replaced (its dockerfile2llb/convert.go)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from grader.facts.dockerfile.evaluate import StageEvaluator, StepError
from grader.facts.dockerfile.instructions import InstructionError, validate
from grader.facts.dockerfile.lex import ExpansionError, expand
from grader.facts.dockerfile.model import Dockerfile, DockerfileError, Instruction, Stage
from grader.facts.dockerfile.mounts import mount_source
from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.dockerfile.resolved import BuildPlan, Outline, ResolvedStage, State, Use
from grader.facts.dockerfile.scope import DEFAULT_PATH, LINUX_AMD64, BuildPlatform, TooMany, predefined_args

MAX_STAGES = 500
MAX_INSTRUCTIONS = 5000
MAX_PATHS = 100_000  # paths from the target through FROM and --from; honest files have hundreds
MAX_LENGTH = 4 << 20  # characters of all instructions; those of ONBUILD count each time they run
_PLATFORM_PART = re.compile(r"[A-Za-z0-9_.()-]+")
_OS_OR_ARCHITECTURE = """
    aix android darwin dragonfly freebsd hurd illumos ios js linux macos nacl netbsd openbsd plan9 solaris windows zos
    386 aarch64 amd64 amd64p32 arm arm64 arm64be armbe armel armhf i386 loong64 mips mips64 mips64le mips64p32
    mips64p32le mipsle ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm x86-64 x86_64
"""
_LONE_PLATFORMS = frozenset(_OS_OR_ARCHITECTURE.split())
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")


def resolve(
    dockerfile: Dockerfile,
    *,
    target: str = "",
    args: Mapping[str, str] | None = None,
    platform: BuildPlatform = LINUX_AMD64,
    shared: BuildPlan | None = None,
) -> BuildPlan:
    """The build of `target` (a stage's alias in any case; by default the last stage) with these build arguments.

    `shared` is the build of another target with the same file, arguments and platform. Equal stages are shared.

    Raises DockerfileError if BuildKit would stop before it runs anything: an unknown target, a blank FROM, an invalid
    image name, a missing variable that ${X:?} requires, stages in a circle, a bad mount or port.
    """
    return _Resolver(dockerfile, dict(args or {}), target, platform, shared).build()


class _Resolver:
    def __init__(
        self,
        dockerfile: Dockerfile,
        args: dict[str, str],
        target: str,
        platform: BuildPlatform,
        shared: BuildPlan | None,
    ) -> None:
        self._file = dockerfile
        self._other = None if shared is None or _asks_for_target(dockerfile) else shared
        self._args = args
        self._target = self._find_target(target)
        self._globals = self._global_args(predefined_args(platform, platform, self._target.name))
        self._names = {stage.name: stage.index for stage in dockerfile.stages if stage.name}

    def _fault(self, message: str, line: int) -> DockerfileError:
        return DockerfileError(message, line, self._file.source)

    def _find_target(self, name: str) -> Stage:
        if not name:
            return self._file.stages[-1]
        stage = self._file.find_stage(name)
        if not stage:
            named = ", ".join(stage.name for stage in self._file.stages if stage.name)
            known = f"the stages are: {named}" if named else "no stage has a name"
            raise self._fault(f'there is no stage "{name}" to build; {known}', 0)
        return stage

    def _global_args(self, values: dict[str, str]) -> dict[str, str]:
        values = {name: self._args.get(name, value) for name, value in values.items()}
        for instruction in self._file.global_args:
            for word in instruction.args:
                name, equals, default = word.partition("=")
                if name in self._args:
                    values[name] = self._args[name]
                elif equals:
                    values[name] = self._expanded(default, values, instruction)
        return values

    def _expanded(self, word: str, values: Mapping[str, str], instruction: Instruction) -> str:
        try:
            return expand(word, values, escape=self._file.escape).text
        except ExpansionError as error:
            raise self._fault(str(error), instruction.line) from None

    def build(self) -> BuildPlan:
        stages = self._file.stages
        if len(stages) > MAX_STAGES:
            raise self._fault(f"there are more than {MAX_STAGES} stages", stages[MAX_STAGES].line)
        if len(self._file.instructions) > MAX_INSTRUCTIONS:
            line = self._file.instructions[MAX_INSTRUCTIONS].line
            raise self._fault(f"there are more than {MAX_INSTRUCTIONS} instructions", line)
        outline = self._other.outline if self._other else self._outline()
        bases, parents, commands, runs, uses = outline
        reachable = self._reachable(parents, uses)
        resolved: list[ResolvedStage] = []
        for stage, base in zip(stages, bases, strict=True):
            number = parents[stage.index]
            parent = resolved[number] if number is not None else None
            blank = ResolvedStage(
                stage=stage,
                base=base,
                parent=parent,
                reference=None if parent or base == "scratch" else self._reference(base, stage),
                platform=self._platform(stage),
                steps=(),
                uses=tuple(uses[stage.index]),
                start=self._start(base, parent),
                reachable=stage.index in reachable,
            )
            resolved.append(self._shared(blank) or self._evaluated(blank, commands[stage.index], runs))
        return BuildPlan(self._file, self._args, tuple(resolved), resolved[self._target.index], outline)

    def _outline(self) -> Outline:
        """What is the same for every target."""
        stages = self._file.stages
        bases = [self._expanded(stage.base, self._globals, stage.origin) for stage in stages]
        for stage, base in zip(stages, bases, strict=True):
            if not base:
                raise self._fault(f"base name ({stage.base}) should not be blank", stage.line)
        parents = self._parents(bases)
        commands = [self._with_triggers(stage, parents[stage.index]) for stage in stages]
        runs = self._refuse_floods(commands)
        uses = [self._uses(stage.index, commands[stage.index]) for stage in stages]
        self._refuse_circles(uses)
        return Outline(bases, parents, commands, runs, uses)

    def _parents(self, bases: list[str]) -> list[int | None]:
        """The parent of each stage: the latest earlier one that its FROM names. Unlike in COPY --from, case matters."""
        seen: dict[str, int] = {}
        parents: list[int | None] = []
        for stage, base in zip(self._file.stages, bases, strict=True):
            parents.append(seen.get(base))
            if stage.name:
                seen[stage.name] = stage.index
        return parents

    def _with_triggers(self, stage: Stage, parent: int | None) -> list[tuple[Instruction, bool]]:
        """The ONBUILD instructions of its base stage, then the stage's own instructions."""
        triggers = []
        for instruction in self._file.stages[parent].instructions if parent is not None else ():
            if instruction.trigger:
                try:
                    validate(instruction.trigger)
                except InstructionError as error:
                    raise self._fault(f"ONBUILD: {error}", instruction.line) from None
                triggers.append((instruction.trigger, True))
        return [*triggers, *((instruction, False) for instruction in stage.instructions)]

    def _refuse_floods(self, commands: list[list[tuple[Instruction, bool]]]) -> int:
        """Refuse too many instructions: ONBUILD can turn a few lines into millions. Returns the number of RUNs."""
        steps = [instruction for stage in commands for instruction, _ in stage]
        length = sum(len(step.original) + sum(len(body.content) for body in step.heredocs) for step in steps)
        if len(steps) > MAX_INSTRUCTIONS or length > MAX_LENGTH:
            raise self._fault("with those that ONBUILD adds, there are far too many instructions", 0)
        return sum(step.name == "RUN" for step in steps)

    def _uses(self, index: int, commands: list[tuple[Instruction, bool]]) -> list[Use]:
        uses = []
        for instruction, _ in commands:
            if instruction.name == "COPY" and (name := instruction.flag("from")):
                uses.append(Use("copy", name, instruction.line, self._copied_stage(name, instruction)))
            elif instruction.name == "RUN":
                for name in filter(None, map(mount_source, instruction.flag_values("mount"))):
                    uses.append(Use("mount", name, instruction.line, self._names.get(name.lower())))
        for use in uses:
            if use.stage is None and use.name != "scratch" and not parse_reference(use.name):
                raise self._fault(f'failed to parse stage name "{use.name}": invalid reference format', use.line)
        return uses

    def _copied_stage(self, name: str, instruction: Instruction) -> int | None:
        if not _NUMBER.fullmatch(name):
            return self._names.get(name.lower())
        if not 0 <= int(name) < len(self._file.stages):
            raise self._fault(f"invalid stage index {name} in --from", instruction.line)
        return int(name)

    def _refuse_circles(self, uses: list[list[Use]]) -> None:
        """Refuse stages in a circle, as BuildKit does, even if they are not built. FROM alone cannot make a circle."""
        state = [0] * len(uses)  # 0 new, 1 being visited, 2 done
        for root in range(len(uses)):
            path = [(root, iter(uses[root]))] if not state[root] else []
            while path:
                index, needs = path[-1]
                state[index] = 1
                use = next(needs, None)
                if use is None:
                    state[index] = 2
                    path.pop()
                elif use.stage is not None and state[use.stage] == 1:
                    label = self._file.stages[index].label
                    raise self._fault(f"circular dependency detected on stage: {label}", use.line)
                elif use.stage is not None and state[use.stage] == 0:
                    path.append((use.stage, iter(uses[use.stage])))

    def _reachable(self, parents: list[int | None], uses: list[list[Use]]) -> set[int]:
        found: set[int] = set()
        waiting = [self._target.index]
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting += _needs(index, parents, uses)
        for index in sorted(found):
            for use in uses[index]:
                if use.stage is not None and use.stage >= index:
                    name = self._file.stages[use.stage].label
                    raise self._fault(
                        f'cannot {use.kind} from stage "{name}", it needs to be defined before the stage that uses it',
                        use.line,
                    )
        self._refuse_tangles(sorted(found), parents, uses)
        return found

    def _refuse_tangles(self, order: list[int], parents: list[int | None], uses: list[list[Use]]) -> None:
        """Refuse too many paths between stages. BuildKit 0.13 follows each: thirty stages can keep it busy for ever."""
        paths: dict[int, int] = {}
        for index in order:
            paths[index] = 1 + sum(paths[needed] for needed in _needs(index, parents, uses))
            if paths[index] > MAX_PATHS:
                line = self._file.stages[index].line
                raise self._fault("the stages depend on each other in more ways than a builder can follow", line)

    def _reference(self, base: str, stage: Stage) -> ImageReference:
        reference = parse_reference(base)
        if not reference:
            raise self._fault(f'failed to parse stage name "{base}": invalid reference format', stage.line)
        return reference

    def _platform(self, stage: Stage) -> str:
        if not stage.platform:
            return ""
        platform = self._expanded(stage.platform, self._globals, stage.origin)
        parts = platform.split("/")
        if (
            len(parts) > 3
            or not all(_PLATFORM_PART.fullmatch(part) for part in parts)
            or (len(parts) == 1 and parts[0].lower() not in _LONE_PLATFORMS)
        ):
            raise self._fault(f'failed to parse platform "{platform}": expected os/architecture', stage.line)
        return platform

    def _start(self, base: str, parent: ResolvedStage | None) -> State:
        if parent:
            return parent.state
        outside = base != "scratch"
        known = {} if outside else {"PATH": DEFAULT_PATH}
        return State(variables=known, env=known, workdir_known=not outside, shell_known=not outside)

    def _shared(self, stage: ResolvedStage) -> ResolvedStage | None:
        """The stage with its steps from the other build; None if they may differ in this build."""
        if self._other is None:
            return None
        other = self._other.stages[stage.index]
        parents = stage.parent, other.parent
        if parents[0] is not None and parents[1] is not None and parents[0].steps is not parents[1].steps:
            return None
        if stage.reachable == other.reachable:
            return other if parents[0] is parents[1] else replace(other, parent=stage.parent)
        # An error is noted in a stage that is not built, and raised in one that is.
        if any(step.error for step in other.steps):
            return None
        return replace(other, parent=stage.parent, reachable=stage.reachable)

    def _evaluated(self, stage: ResolvedStage, commands: list[tuple[Instruction, bool]], runs: int) -> ResolvedStage:
        evaluator = StageEvaluator(
            stage=stage.stage,
            start=stage.start,
            escape=self._file.escape,
            args=self._args,
            global_args=self._globals,
            outside=not stage.root.is_scratch,
            lenient=not stage.reachable,
            runs=runs,
        )
        steps = []
        for instruction, triggered in commands:
            try:
                steps.append(evaluator.step(instruction, triggered))
            except (StepError, TooMany) as error:
                raise self._fault(str(error), instruction.line) from None
        start = replace(stage.start, variables=evaluator.start.variables, env=evaluator.start.env)
        return replace(stage, steps=tuple(steps), start=start)


def _asks_for_target(dockerfile: Dockerfile) -> bool:
    """Whether the name of the target may change more than which stages are built."""
    instructions = (part for whole in dockerfile.instructions for part in (whole, whole.trigger) if part is not None)
    words = [word for part in instructions if part.name == "ARG" for word in part.args]
    return any("$" in word.partition("=")[0] for word in words) or "TARGETSTAGE" in dockerfile.text


def _needs(index: int, parents: list[int | None], uses: list[list[Use]]) -> list[int]:
    """The stages that a stage needs: its base, and each stage that it copies or mounts from, once."""
    parent = parents[index]
    needed = {use.stage for use in uses[index] if use.stage is not None}
    return [*needed, parent] if parent is not None else [*needed]
