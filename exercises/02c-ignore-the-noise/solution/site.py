"""The pages of a travel site: python site.py says how many there are."""

from pathlib import Path

PAGES = sorted((Path(__file__).parent / "pages").rglob("*.txt"))

if __name__ == "__main__":
    for page in PAGES:
        page.read_text(encoding="utf-8")
    print(f"{len(PAGES)} page{'' if len(PAGES) == 1 else 's'}")
