"""A page that says how long ago it was built: http://localhost:8000"""

from datetime import UTC, datetime
from pathlib import Path

import humanize
from bottle import route, run, template

PAGE = Path(__file__).parent / "templates" / "page.tpl"
BUILT = datetime.fromtimestamp(Path(humanize.__file__).stat().st_ctime, UTC)


@route("/")
def page() -> str:
    return template(PAGE.read_text(), age=humanize.naturaldelta(datetime.now(UTC) - BUILT))


if __name__ == "__main__":
    run(host="0.0.0.0", port=8000)
