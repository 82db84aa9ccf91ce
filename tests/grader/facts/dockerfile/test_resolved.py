"""A build's stages and steps, and how they hang together."""

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve

FILE = """
FROM debian AS base
USER one
FROM base AS middle
ENV A=1
COPY --chown=$A a /a
FROM scratch AS tools
COPY b /b
FROM middle
USER two
COPY --from=tools --chmod=755 --link /b /b
FROM scratch AS unused
COPY c /c
"""
PLAN = resolve(parse(FILE.replace("FROM middle\n", "FROM middle AS last\n")), target="last")


def test_what_is_read_of_a_step_is_read_once():
    step = PLAN.target.steps[0]
    read = []

    def reader(of):
        read.append(of)
        # While this one reads, another thread has come first.
        return of.once(reader) if len(read) == 1 else object()

    found = step.once(reader)
    assert (step.once(reader) is found, len(read), read[0] is step) == (True, 2, True)


def test_lineage():
    target = PLAN.target
    assert [stage.name for stage in target.lineage()] == ["base", "middle", "last"]
    assert (target.root.name, target.root.base, target.root.is_scratch) == ("base", "debian", False)
    tools = PLAN.stages[2]
    assert (tools.root is tools, tools.is_scratch, tools.label) == (True, True, "tools")


def test_what_is_in_the_image_and_what_is_built():
    assert [step.name for step in PLAN.target.image_steps()] == ["USER", "ENV", "COPY", "USER", "COPY"]
    assert [stage.name for stage in PLAN.reachable] == ["base", "middle", "tools", "last"]
    assert [step.line for step in PLAN.steps()] == [3, 5, 6, 8, 10, 11]


def test_the_last_of_a_name():
    target = PLAN.target
    assert [target.last(name).line for name in ("USER", "ENV", "COPY")] == [10, 5, 11]
    assert target.last("CMD") is None


def test_flags_have_their_variables_replaced():
    copy = PLAN.stages[1].steps[-1]
    assert (copy.flag("chown"), copy.instruction.flag("chown"), copy.flag("from")) == ("1", "$A", None)
    linked = PLAN.target.steps[-1]
    assert (linked.flag("link"), linked.flag("chmod")) == ("", "755")


def test_the_state_at_each_point():
    target = PLAN.target
    assert [(step.before.user, step.after.user) for step in target.steps] == [("one", "two"), ("two", "two")]
    assert (target.state.user_line, target.start.user_line) == (10, 3)
    bare = resolve(parse("FROM debian")).target
    assert (bare.state, bare.state.user) == (bare.start, None)
