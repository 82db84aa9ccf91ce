"""Run with: python -m unittest"""

import platform
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from flags import MACHINES, main

HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")


class Flags(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        main(Path(self.folder.name))

    def tearDown(self) -> None:
        self.folder.cleanup()

    def test_each_names_its_processor(self) -> None:
        for architecture, machine in MACHINES.items():
            header = Path(self.folder.name, f"flag-{architecture}").read_bytes()[:20]
            assert header[:4] == b"\x7fELF"
            assert int.from_bytes(header[18:20], "little") == machine

    def test_each_is_complete(self) -> None:
        for architecture in MACHINES:
            file = Path(self.folder.name, f"flag-{architecture}").read_bytes()
            assert int.from_bytes(file[64 + 32 : 64 + 40], "little") == len(file)
            assert file.endswith(f"{architecture} here\n".encode())

    @unittest.skipUnless(sys.platform == "linux" and HERE, "made for Linux on one of the two processors")
    def test_the_one_for_this_machine_runs(self) -> None:
        done = subprocess.run([Path(self.folder.name, f"flag-{HERE}")], capture_output=True, text=True, timeout=10)
        assert (done.stdout, done.stderr, done.returncode) == (f"{HERE} here\n", "", 0)


if __name__ == "__main__":
    unittest.main()
