"""Run with: python -m unittest"""

import tempfile
import unittest
from pathlib import Path

from seeds import Store


class Seeds(unittest.TestCase):
    def test_a_bird_eats_one_and_none_when_it_is_empty(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder), 2)
            store.open()
            assert [store.visit() for _ in range(3)] == [True, True, False]
            assert store.left() == 0

    def test_the_count_outlives_the_program(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Store(Path(folder), 5).visit()
            assert Store(Path(folder), 5).left() == 4


if __name__ == "__main__":
    unittest.main()
