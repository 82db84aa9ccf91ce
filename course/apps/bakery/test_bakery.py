"""The bakery says what it has, to the end of the day."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

HERE = Path(__file__).parent
SECONDS = 20


class Bakery(unittest.TestCase):
    def setUp(self) -> None:
        desk = tempfile.TemporaryDirectory()
        self.addCleanup(desk.cleanup)
        self.menu = Path(desk.name, "menu.txt")
        self.menu.write_text("rye bread\n\n  plum cake \n")
        self.env = {**os.environ, "MENU": str(self.menu), "PORT": "0"}

    def run_it(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-B", HERE / "bakery.py", *words],
            env=self.env, capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip

    def test_it_says_what_there_is_in_one_line(self) -> None:
        assert self.run_it("menu").stdout == "today: rye bread, plum cake\n"

    def test_it_serves_what_there_is_now_and_closes_when_asked_to(self) -> None:
        with subprocess.Popen(
            [sys.executable, "-B", HERE / "bakery.py"], env=self.env, stdout=subprocess.PIPE, text=True
        ) as bakery:
            address = f"http://127.0.0.1:{bakery.stdout.readline().split()[-1]}"
            with urlopen(f"{address}/", timeout=SECONDS) as answer:
                assert answer.read() == b"today: rye bread, plum cake\n"
            self.menu.write_text("buns")
            with urlopen(f"{address}/", timeout=SECONDS) as answer:
                assert answer.read() == b"today: buns\n"
            assert self.status_of(f"{address}/gold") == 404
            bakery.send_signal(signal.SIGTERM)
            assert bakery.wait(SECONDS) == 0

    def status_of(self, address: str) -> int:
        try:
            with urlopen(address, timeout=SECONDS) as answer:
                return answer.status
        except HTTPError as refusal:
            refusal.close()
            return refusal.code

    def test_its_own_menu_can_be_read(self) -> None:
        del self.env["MENU"]
        assert self.run_it("menu").stdout.startswith("today: ")

    def test_what_it_does_not_know_is_explained(self) -> None:
        assert self.run_it("dance").returncode == 2


if __name__ == "__main__":
    unittest.main()
