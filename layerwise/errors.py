"""What can go wrong around the lab. Each message is one line for the user, with the remedy.

LabError            exit 3: the lab, the engine or the machine failed
└── InputError      exit 2: what was asked for cannot be used (an unknown exercise, a bad option, an old Python)
"""

from __future__ import annotations


class LabError(Exception):
    """The lab could not do what was asked. The text is one line that says what was found and what to do."""

    exit_code = 3


class InputError(LabError):
    """What was asked for cannot be used as it is."""

    exit_code = 2
