"""Good night in the reader's language: http://localhost:8000/Ada, or http://localhost:8000/Ada?in=pt"""

from bottle import request, route, run
from wishes import languages, wish


@route("/<name>")
def page(name: str) -> str:
    asked = request.query.getunicode("in", "")
    wanted = [asked] if asked else request.headers.get("Accept-Language", "").split(",")
    return wish(name, languages(wanted)) + "\n"


if __name__ == "__main__":
    run(host="0.0.0.0", port=8000, quiet=True)
