"""The kitchen: the soups of the day at /, what to buy at /SOUP?for=GUESTS, and a box for wishes at /wishes."""

import os
from pathlib import Path

import urllib3
import yaml
from flask import Flask, abort, render_template, request
from soups import COOKED_FOR, shopping

MENU = yaml.safe_load((Path(__file__).parent / "menu.yaml").read_text(encoding="utf-8"))
GROCER = os.environ.get("GROCER", "http://grocer")

app = Flask(__name__)


@app.get("/")
def menu():
    return render_template("menu.html", soups=sorted(MENU))


@app.get("/<soup>")
def recipe(soup):
    return render_template("soup.html", soup=soup, lines=list_for(soup))


@app.post("/<soup>/order")
def order(soup):
    said = urllib3.request("POST", f"{GROCER}/orders", json=list_for(soup))
    return f"the grocer says: {said.data.decode()}\n"


@app.post("/wishes")
def wishes():
    return f"thank you for {len(request.form)} wishes\n"


def list_for(soup):
    if soup not in MENU:
        abort(404)
    try:
        return shopping(MENU[soup], request.args.get("for", COOKED_FOR, type=int))
    except ValueError as problem:
        abort(400, str(problem))


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000)
