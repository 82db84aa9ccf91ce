"""Run with: python -m unittest"""

import threading
import unittest
from http.server import ThreadingHTTPServer
from urllib.request import urlopen

from postcards import WIDTH, Handler, postcard


class Postcards(unittest.TestCase):
    def test_lines_are_of_equal_width(self) -> None:
        lines = postcard("Ada", "Lisbon").splitlines()
        assert {len(line) for line in lines} == {WIDTH}
        assert "Ada" in lines[1]

    def test_what_cannot_be_printed_is_left_out(self) -> None:
        assert "\x1b" not in postcard("\x1b[31mAda", "Lisbon")

    def test_a_postcard_is_served(self) -> None:
        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with urlopen(f"http://127.0.0.1:{server.server_port}/Ada", timeout=10) as answer:
                assert "Ada" in answer.read().decode()
            server.shutdown()


if __name__ == "__main__":
    unittest.main()
