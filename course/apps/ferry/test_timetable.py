"""Tests of the timetable: python -m unittest"""

import unittest

import timetable


class Following(unittest.TestCase):
    def test_the_next_ones_in_order(self):
        assert timetable.following("north", 9 * 60) == [("09:10", 10), ("12:00", 180), ("15:30", 390)]

    def test_one_that_goes_now(self):
        assert timetable.following("south", timetable.minutes("12:45"), 1) == [("12:45", 0)]

    def test_after_the_last_comes_tomorrow(self):
        assert timetable.following("south", 23 * 60 + 1, 2) == [("07:25", 504), ("09:55", 654)]

    def test_what_is_no_time_of_day(self):
        for clock in ("24:00", "7:25", "noon", ""):
            try:
                timetable.minutes(clock)
            except ValueError:
                continue
            self.fail(f"{clock!r} was taken for a time of day")


if __name__ == "__main__":
    unittest.main()
