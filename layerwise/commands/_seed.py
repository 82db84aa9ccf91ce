"""The option --seed of the commands that look at an exercise."""

from __future__ import annotations

import click

MAX_SEED = 999_999_999

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    metavar="N",
    help="Which instance, if the exercise has many: the same number gives the same on every machine.",
)
