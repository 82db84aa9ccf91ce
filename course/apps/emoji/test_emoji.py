"""Run with: python -m unittest"""

import unittest

from emoji import answer, find
from make_list import emoji

SAMPLE = """
# subgroup: transport-water
26F5           ; fully-qualified     # ⛵ E0.6 sailboat
1F6A3          ; fully-qualified     # 🚣 E1.0 person rowing boat
1F6A3 1F3FB    ; fully-qualified     # 🚣🏻 E1.0 person rowing boat: light skin tone
26F4           ; unqualified         # ⛴ E0.7 ferry
26F4 FE0F      ; fully-qualified     # ⛴️ E0.7 ferry
""".splitlines()
LINES = list(emoji(SAMPLE))


class Making(unittest.TestCase):
    def test_each_emoji_once_and_no_skin_tones(self) -> None:
        assert [line.split(" ", 1)[1] for line in LINES] == ["sailboat", "person rowing boat", "ferry"]

    def test_the_sign_comes_first(self) -> None:
        assert LINES[0] == "⛵ sailboat"


class Finding(unittest.TestCase):
    def test_part_of_a_name_is_enough(self) -> None:
        assert find("BOAT", LINES) == LINES[:2]

    def test_the_page(self) -> None:
        assert answer("/rowing%20boat", LINES) == (200, LINES[1] + "\n")
        assert answer("/unicorn", LINES)[0] == 404
        assert answer("/", LINES)[0] == 200


if __name__ == "__main__":
    unittest.main()
