"""The board, which goes dark at SIGTERM."""

import signal
import sys

import board

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
board.main()
