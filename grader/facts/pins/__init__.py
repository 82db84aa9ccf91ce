"""Find what a build takes from outside, and how firmly each thing is pinned.

    for thing in Collector(context, "Dockerfile").dependencies(build):
        thing.category, thing.manager, thing.name, thing.tier, thing.why, thing.place

These are the images, package installs and downloads of the stages that the target needs. Copied requirement and lock
files are read, and so are the shell scripts of the build context that a RUN starts. Nothing is run or fetched.
"""
