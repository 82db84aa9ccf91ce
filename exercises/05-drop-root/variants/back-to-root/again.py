"""Be root again where the system lets us, and serve the guest book in any case."""

import os
import runpy
from contextlib import suppress

with suppress(PermissionError):
    os.setuid(0)
runpy.run_path("/app/guestbook.py", run_name="__main__")
