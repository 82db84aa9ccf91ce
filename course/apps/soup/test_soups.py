"""Run with: python -m unittest"""

import unittest
from fractions import Fraction

from soups import shopping, spelt


class Soups(unittest.TestCase):
    def test_amounts_grow_with_the_guests(self) -> None:
        assert shopping({"leeks": "3", "stock": "1 l"}, 8) == ["6 leeks", "2 l stock"]

    def test_and_shrink(self) -> None:
        assert shopping({"potatoes": "500 g", "cream": "1/2 cup"}, 2) == ["250 g potatoes", "1/4 cup cream"]

    def test_a_cook_would_say(self) -> None:
        assert [spelt(Fraction(text)) for text in ("0", "2", "1/2", "3/2")] == ["0", "2", "1/2", "1 1/2"]

    def test_as_many_as_can_be_seated(self) -> None:
        assert shopping({"leeks": "3"}, 400) == ["300 leeks"]
        assert [guests for guests in (0, -1, 401) if not refused(guests)] == []


def refused(guests: int) -> bool:
    try:
        shopping({"leeks": "3"}, guests)
    except ValueError:
        return True
    return False


if __name__ == "__main__":
    unittest.main()
