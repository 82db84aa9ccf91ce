"""What is left in the feeder, and who ate the rest: a number in a file, so that it outlives the program."""

from pathlib import Path


class Store:
    """Seeds, kept in `folder`; it is filled with `full` of them when there is no count there yet."""

    def __init__(self, folder: Path, full: int) -> None:
        self._file = folder / "seeds"
        self._full = full

    def open(self) -> None:
        """Write the count down. OSError where the folder cannot be written."""
        self._file.write_text(str(self.left()))

    def left(self) -> int:
        return int(self._file.read_text()) if self._file.exists() else self._full

    def visit(self) -> bool:
        """One bird eats one seed; whether there was one."""
        left = self.left()
        self._file.write_text(str(max(left - 1, 0)))
        return left > 0
