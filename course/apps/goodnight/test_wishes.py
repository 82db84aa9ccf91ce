"""Run with: python -m unittest"""

import tempfile
import unittest
from pathlib import Path

from wishes import languages, wish


class Wishes(unittest.TestCase):
    def test_what_a_browser_asks_for(self) -> None:
        assert languages(["pt-PT", " de;q=0.8", "*;q=0.1", "../etc"]) == ["pt", "de"]

    def test_with_no_catalogue_it_is_english(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            assert wish("Ada", ["de"], Path(empty)) == "Good night, Ada."

    def test_every_catalogue_keeps_the_name(self) -> None:
        found = sorted(Path(__file__).parent.glob("catalogues/*/LC_MESSAGES/goodnight.po"))
        assert found
        for path in found:
            lines = path.read_text(encoding="utf-8").splitlines()
            said = [line for line in lines if line.startswith("msgstr")][-1]
            assert "{name}" in said, path


if __name__ == "__main__":
    unittest.main()
