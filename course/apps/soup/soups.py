"""Soups: what goes into one, for any number of guests."""

from fractions import Fraction

COOKED_FOR = 4
"""Guests that the amounts of the menu are for."""
MOST = 400


def spelt(amount: Fraction) -> str:
    """As a cook would say it: 3, 1/2, 1 1/2."""
    whole, part = divmod(amount, 1)
    return " ".join(str(number) for number in (whole, part) if number) or "0"


def shopping(amounts: dict[str, str], guests: int) -> list[str]:
    """What to buy, a line each. ValueError for guests that no kitchen can seat."""
    if not 1 <= guests <= MOST:
        raise ValueError(f"between 1 and {MOST} guests, please")
    lines = []
    for what, amount in amounts.items():
        number, _, unit = str(amount).partition(" ")
        lines.append(" ".join(filter(None, (spelt(Fraction(number) * guests / COOKED_FOR), unit, what))))
    return lines
