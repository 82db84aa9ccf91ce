"""The notice board of a village: the notices at /, a form to pin one up, and a poster of all at /poster. Port 8000."""

from pathlib import Path

import yaml
from flask import Flask, render_template, request

NOTICES = yaml.safe_load((Path(__file__).parent / "notices.yaml").read_text(encoding="utf-8"))

app = Flask(__name__)


@app.get("/")
def board():
    return render_template("board.html", notices=NOTICES)


@app.post("/")
def pin():
    words = request.form.get("words", "").strip()[:200]
    if words:
        NOTICES.append(words)
    return render_template("board.html", notices=NOTICES), 201


@app.get("/poster")
def poster():
    return "\n".join(f"* {words}" for words in NOTICES) + "\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000)
