"""Read an HTTP answer as a client does: from the status line to the body's last byte, and its text.

The standard library's reader takes no interim answer but 100, and at most a hundred headers. Sources: RFC 9110 and RFC
9112, and for texts the WHATWG Encoding Standard, which says what browsers do.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader

MAX_BODY = 1 << 20
"""Bytes of a body that are used."""
MAX_HEAD = 256 << 10
"""Bytes of a status line and headers, as browsers have it."""
_SIZE_LINE = 4096
_SWITCHING = 101
_STATUS = re.compile(rb"HTTP/1\.[0-9][ \t]+([1-9][0-9]{2})(?:[ \t]+(.*))?", re.DOTALL)
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
_IN_BODY = re.compile(rb"<(?:meta\b[^>]*?\bcharset|\?xml\b[^>]*?\bencoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
"""A page may name its charset itself, in its first 1024 bytes."""
_MARKUP = ("text/html", "application/xhtml+xml", "text/xml", "application/xml")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSETS = frozenset(
    codecs.lookup(name).name
    for name in (
        *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "ascii", "cp866", "koi8-r", "koi8-u", "mac-roman", "cp874"),
        *(f"iso8859-{number}" for number in (*range(1, 12), 13, 14, 15, 16)),
        *(f"cp{number}" for number in range(1250, 1259)),
        *("gbk", "gb2312", "gb18030", "big5", "big5hkscs", "euc-jp", "iso2022-jp", "shift-jis", "cp932", "euc-kr"),
    )
)
"""Python knows others (idna, unicode-escape, rot13) that no client takes, and some take very long."""
_WIDER = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254"}
"""What browsers take in place of a charset: the same letters, and printable ones where it has control codes."""


class BadResponse(Exception):
    """What came back is no answer. The message says why."""


@dataclass(frozen=True)
class HttpResponse:
    """An HTTP answer. Redirects are not followed. Texts are as found, and untrusted."""

    status: int
    reason: str
    location: str
    """Where it redirects to; empty if it does not."""
    body: str
    """Its beginning, decoded with the charset that it names, or else as UTF-8."""
    whole: bool
    """Whether all of the body came in time, or MAX_BODY bytes of it."""


@dataclass(frozen=True)
class _Head:
    """The status line and the headers, by name in small letters."""

    status: int
    reason: str
    headers: Mapping[str, Sequence[str]]

    def first(self, name: str) -> str:
        return next(iter(self.headers.get(name, ())), "")

    def items(self, name: str) -> list[str]:
        """The items of a header that is a list, in small letters, whether it was sent once or several times."""
        return [item.strip().lower() for line in self.headers.get(name, ()) for item in line.split(",") if item.strip()]


def read_response(stream: BufferedReader) -> HttpResponse:
    """Return the final answer to a GET; interim ones (100, 103) before it are passed over.

    Raises BadResponse if it is not HTTP/1 or ends in its headers, and OSError if the stream does so there. A fault
    further on makes an answer that is not whole.
    """
    head = _read_head(stream)
    while head.status < 200 and head.status != _SWITCHING:
        head = _read_head(stream)
    raw = bytearray()
    try:
        whole = _read_body(stream, head, raw)
    except (OSError, ValueError):
        whole = False
    body, decoded = _decompressed(bytes(raw[:MAX_BODY]), head.items("content-encoding"))
    location = head.first("location") if 300 <= head.status < 400 else ""
    return HttpResponse(head.status, head.reason, location, _text(body, head.first("content-type")), whole and decoded)


def _read_head(stream: BufferedReader) -> _Head:
    line = stream.readline(MAX_HEAD)
    if not line:
        raise BadResponse("the connection was closed without an answer")
    status = _STATUS.fullmatch(line.rstrip(b"\r\n"))
    if not status or not line.endswith(b"\n"):
        raise BadResponse("what came back is not HTTP")
    headers: dict[str, list[str]] = {}
    name, left = "", MAX_HEAD - len(line)
    while True:
        line = stream.readline(left + 1)
        left -= len(line)
        if left < 0:
            raise BadResponse(f"its headers are longer than {MAX_HEAD >> 10} KiB")
        if not line.endswith(b"\n"):
            raise BadResponse("the connection was closed in the middle of the headers")
        text = line.rstrip(b"\r\n").decode("latin-1")
        if not text:
            return _Head(int(status[1]), (status[2] or b"").decode("latin-1").strip(), headers)
        if text[0] in " \t":  # a header of several lines, as it once was allowed
            if name:
                headers[name][-1] += f" {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        name = name.strip().lower() if colon else ""
        if name:
            headers.setdefault(name, []).append(value.strip())


def _read_body(stream: BufferedReader, head: _Head, body: bytearray) -> bool:
    """Read the body into `body`. Returns whether it is whole; raises ValueError if its form is wrong."""
    if head.status in (_SWITCHING, 204, 304):
        return True
    if head.items("transfer-encoding")[-1:] == ["chunked"]:
        return _read_chunks(stream, body)
    if "transfer-encoding" not in head.headers and (lengths := set(head.items("content-length"))):
        if len(lengths) > 1:
            raise ValueError("two lengths")
        return _fill(stream, body, _number(lengths.pop(), r"[0-9]{1,18}", 10))
    return _fill(stream, body, None)


def _read_chunks(stream: BufferedReader, body: bytearray) -> bool:
    while len(body) < MAX_BODY:
        size = _number(stream.readline(_SIZE_LINE).partition(b";")[0].decode("latin-1"), r"[0-9a-fA-F]{1,15}", 16)
        if not size:  # what may follow are trailers
            return True
        if not _fill(stream, body, size):
            return False
        if len(body) < MAX_BODY and stream.readline(_SIZE_LINE).strip():
            return False
    return True


def _fill(stream: BufferedReader, body: bytearray, count: int | None) -> bool:
    """Add `count` bytes to `body`, or all there are. Returns whether they came, or made MAX_BODY bytes of it."""
    end = MAX_BODY if count is None else min(MAX_BODY, len(body) + count)
    while len(body) < end:
        data = stream.read1(end - len(body))
        if not data:
            return count is None
        body += data
    return True


def _number(text: str, form: str, base: int) -> int:
    if not re.fullmatch(form, text.strip()):
        raise ValueError(f"no size: {text!r}")
    return int(text, base)


def _decompressed(body: bytes, codings: Sequence[str]) -> tuple[bytes, bool]:
    """Return the first MAX_BODY bytes of a body that came compressed although we did not ask for it, as some servers
    of ready-made files do; and whether it could be read."""
    for coding in reversed(codings):
        if coding in ("gzip", "x-gzip", "deflate"):
            reader = zlib.decompressobj(zlib.MAX_WBITS + 32)
            try:
                body = reader.decompress(body, MAX_BODY)
            except zlib.error:
                return b"", False
            if not reader.eof and len(body) < MAX_BODY:
                return body, False
    return body, True


def _text(body: bytes, content_type: str) -> str:
    """Return the text of a body. A byte order mark says more than the header, and the header more than the page."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body.removeprefix(mark).decode(encoding, "replace")
    found = _CHARSET.search(content_type)
    name = found[1] if found else ""
    if not name and content_type.partition(";")[0].strip().lower() in _MARKUP:
        inside = _IN_BODY.search(body[:1024])
        name = inside[1].decode("latin-1") if inside else ""
        name = "utf-8" if name.lower().startswith("utf-16") else name  # or it could not have been read
    return body.decode(_charset(name), "replace")


def _charset(name: str) -> str:
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return "utf-8"
    return _WIDER.get(found, found) if found in _CHARSETS else "utf-8"
