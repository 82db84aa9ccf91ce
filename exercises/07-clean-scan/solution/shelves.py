"""Which shelf a book stands on: a page of all at /, one at /find?title=WORDS. Port 8000."""

from pathlib import Path

import uvicorn
import yaml
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

HERE = Path(__file__).parent
BOOKS = yaml.safe_load((HERE / "books.yaml").read_text(encoding="utf-8"))
PAGES = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape())


async def everything(request):
    return HTMLResponse(PAGES.get_template("page.html").render(books=BOOKS))


async def find(request):
    words = request.query_params.get("title", "").lower()
    found = [f"{title}: shelf {shelf}" for title, shelf in BOOKS.items() if words in title.lower()]
    return PlainTextResponse("\n".join(found or ["no such book"]) + "\n")


app = Starlette(routes=[Route("/", everything), Route("/find", find)])

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8000, log_level="warning")
