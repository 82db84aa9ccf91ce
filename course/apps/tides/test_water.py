"""Run with: python -m unittest"""

import unittest
from datetime import timedelta

from water import TURN, tide


class Water(unittest.TestCase):
    def test_it_falls_after_high_water(self) -> None:
        assert tide(0) == ("falls", timedelta(hours=TURN))

    def test_it_rises_after_low_water(self) -> None:
        way, left = tide(TURN + 1)
        assert way == "rises"
        assert abs(left - timedelta(hours=TURN - 1)) < timedelta(seconds=1)


if __name__ == "__main__":
    unittest.main()
