"""The well keeps wishes, guards them, says how it is, and closes when it is asked to."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent
SECONDS = 20


class Well(unittest.TestCase):
    def setUp(self) -> None:
        desk = tempfile.TemporaryDirectory()
        self.addCleanup(desk.cleanup)
        self.wishes = Path(desk.name, "wishes.txt")
        self.secret = Path(desk.name, "word")
        self.secret.write_text("moss\n")
        self.env = {**os.environ, "WISHES": str(self.wishes), "WORD_FILE": str(self.secret), "PORT": "0"}
        self.well = self.start()
        self.env["PORT"] = self.well.stdout.readline().split()[-1]

    def start(self) -> "subprocess.Popen[str]":
        well = subprocess.Popen(
            [sys.executable, "-B", HERE / "well.py"], env=self.env, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(well.stdout.close)
        self.addCleanup(well.wait, SECONDS)
        self.addCleanup(well.kill)
        return well

    def ask(self, *words: str) -> tuple[str, int]:
        done = subprocess.run(
            [sys.executable, "-B", HERE / "well.py", *words],
            env=self.env, capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip
        return done.stdout, done.returncode

    def test_it_keeps_a_wish_on_one_line(self) -> None:
        assert self.ask("count") == ("wishes in the well: 0\n", 0)
        assert self.ask("wish", "a calm\nsea") == ("wishes in the well: 1\n", 0)
        assert self.wishes.read_text() == "a calm sea\n"

    def test_it_says_when_it_cannot_keep_one(self) -> None:
        self.wishes.mkdir()
        said, status = self.ask("wish", "snow")
        assert "the well cannot keep it" in said
        assert status == 1

    def test_it_reads_them_to_its_keeper_alone(self) -> None:
        self.ask("wish", "snow")
        assert self.ask("read", "moss") == ("snow\n", 0)
        assert self.ask("read", "fern") == ("the lid stays shut\n", 1)

    def test_it_reads_them_to_nobody_where_there_is_no_word(self) -> None:
        self.secret.write_text("\n")
        assert self.ask("read", "") == ("the lid stays shut\n", 1)

    def test_it_says_how_it_is(self) -> None:
        assert self.ask("health") == ("there is water\n", 0)

    def test_it_closes_when_asked_to_and_is_not_well_then(self) -> None:
        self.well.send_signal(signal.SIGTERM)
        said, _ = self.well.communicate(timeout=SECONDS)
        assert (said, self.well.returncode) == ("the lid is on\n", 0)
        said, status = self.ask("health")
        assert "does not answer" in said
        assert status == 1

    def test_what_it_does_not_know_is_explained(self) -> None:
        assert self.ask("dance") == ("", 2)


if __name__ == "__main__":
    unittest.main()
