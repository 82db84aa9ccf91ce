"""What a build takes from outside, and how firmly each thing is named.

    for thing in taken(build, context, "Dockerfile"):
        thing.category, thing.manager, thing.name, thing.tier, thing.why, thing.place

Images, package installs and downloads of the stages that the target needs, with what the copied requirement and lock
files say, and with shell scripts of the build context that a RUN starts. Nothing is run or fetched.
"""

from grader.facts.pins.collect import scripts, taken
from grader.facts.pins.model import Category, Taken, Tier

__all__ = ["Category", "Taken", "Tier", "scripts", "taken"]
