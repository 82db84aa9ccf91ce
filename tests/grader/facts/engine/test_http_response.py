"""HTTP answers, read as a client reads them: interim ones, many headers, charsets, and where a body ends."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest

from grader.facts.engine.http_response import MAX_BODY, MAX_HEAD, BadResponse, HttpResponse, read_response

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"


def read(data: bytes) -> HttpResponse:
    return read_response(io.BufferedReader(io.BytesIO(data)))  # type: ignore[arg-type]


def answer(body: bytes, *headers: str, status: str = "200 OK", before: bytes = b"") -> HttpResponse:
    lines = [f"HTTP/1.1 {status}", *headers, "", ""]
    return read(before + "\r\n".join(lines).encode("latin-1") + body)


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
        HINTS,
        HINTS * 5,
        b"HTTP/1.1 100 Continue\r\n\r\n" + HINTS,
        HINTS.replace(b"\r\n", b"\n"),
    ],
)
def test_interim_answers_are_passed_over(before: bytes) -> None:
    found = answer(b"hello", "Content-Length: 5", before=before)
    assert found == HttpResponse(200, "OK", "", "hello", True)


def test_other_protocols_were_not_asked_for() -> None:
    assert answer(b"\x81\x05hello", status="101 Switching Protocols").status == 101


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-{number}: {number}" for number in range(3000)],
        ["Set-Cookie: a=" + "x" * 4000] * 50,
        ["X: " + "y" * 200_000],
        ["X-Folded: a", " b", "\tc"],
        ["no colon here"],
        [": no name"],
        ["Content-Length: 5, 5"],
        ["content-length:5"],
    ],
    ids=lambda headers: f"{len(headers)}-{headers[0][:20]}",
)
def test_headers_that_a_client_takes(headers: list[str]) -> None:
    more = [] if "ontent-" in headers[0] else ["Content-Length: 5"]
    assert answer(b"hello", *headers, *more) == HttpResponse(200, "OK", "", "hello", True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "closed without an answer"),
        (HINTS, "closed without an answer"),
        (b"hello\n", "not HTTP"),
        (b"HTTP/1.1 200 OK", "not HTTP"),
        (b"HTTP/2 200\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 \u0662\u0660\u0660 OK\r\n\r\n".encode(), "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: b", "in the middle of the headers"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * MAX_HEAD, "longer than 256 KiB"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 2 * MAX_HEAD, "longer than 256 KiB"),
        (b"H" * 2 * MAX_HEAD, "not HTTP"),
    ],
)
def test_what_is_no_answer(data: bytes, says: str) -> None:
    with pytest.raises(BadResponse, match=says):
        read(data)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"h\xe9llo", "h\u00e9llo"),
        ('text/plain; charset="Latin1"', b"h\xe9llo", "h\u00e9llo"),
        ("text/plain;Charset=ISO-8859-15; format=flowed", b"\xa4", "\u20ac"),
        ("text/plain; charset=iso-8859-1", b"\x80", "\u20ac"),
        ("text/plain; charset=utf-8", "h\u00e9llo".encode(), "h\u00e9llo"),
        ("text/plain", "h\u00e9llo".encode(), "h\u00e9llo"),
        ("", "h\u00e9llo".encode(), "h\u00e9llo"),
        ("text/plain; charset=utf-8", b"\xef\xbb\xbfhello", "hello"),
        ("text/plain", b"\xff\xfeh\0i\0", "hi"),
        ("text/plain; charset=utf-16", b"h\0i\0", "hi"),
        ("text/plain; charset=shift_jis", "\u65e5".encode("shift-jis"), "\u65e5"),
        ("text/html", b'<meta charset="iso-8859-1">h\xe9', '<meta charset="iso-8859-1">h\u00e9'),
        ("text/html; charset=utf-8", '<meta charset="latin1">h\u00e9'.encode(), '<meta charset="latin1">h\u00e9'),
        ("text/plain", b'<meta charset="latin1">h\xe9', '<meta charset="latin1">h\ufffd'),
        # What no client takes
        ("text/plain; charset=rot13", b"uryyb", "uryyb"),
        ("text/plain; charset=unicode-escape", b"\\x68i", "\\x68i"),
        ("text/plain; charset=idna", b"xn--hllo-bpa", "xn--hllo-bpa"),
        ("text/plain; charset=hex", b"6869", "6869"),
        ("text/plain; charset=none-such", b"hello", "hello"),
        ("text/plain; charset=\xff", b"hello", "hello"),
        ("text/plain", b"h\xe9llo", "h\ufffdllo"),
    ],
)
def test_texts(content_type: str, body: bytes, text: str) -> None:
    headers = [f"Content-Type: {content_type}"] if content_type else []
    assert answer(body, *headers).body == text


@pytest.mark.parametrize(
    ("headers", "body", "text", "whole"),
    [
        (["Content-Length: 5"], b"hello, world", "hello", True),
        (["Content-Length: 50"], b"hello", "hello", False),
        (["Content-Length: 5", "Content-Length: 6"], b"hello!", "", False),
        (["Content-Length: -5"], b"hello", "", False),
        (["Content-Length: \xb2"], b"hello", "", False),
        ([], b"hello", "hello", True),
        (["Transfer-Encoding: chunked"], b"5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", "hello", True),
        (["Transfer-Encoding: Chunked", "Content-Length: 1"], b"5\nhello\n0\n\n", "hello", True),
        (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n", "hello", False),
        (["Transfer-Encoding: chunked"], b"5\r\nhelloX\r\n0\r\n\r\n", "hello", False),
        (["Transfer-Encoding: chunked"], b"-5\r\nhello\r\n0\r\n\r\n", "", False),
        (["Transfer-Encoding: chunked"], b"0x5\r\nhello\r\n0\r\n\r\n", "", False),
        (["Transfer-Encoding: chunked"], b"fffffffff\r\nhello", "hello", False),
        (["Content-Encoding: gzip"], gzip.compress(b"hello", mtime=0), "hello", True),
        (["Content-Encoding: deflate"], zlib.compress(b"hello"), "hello", True),
        (["Content-Encoding: gzip"], b"hello", "", False),
        (["Content-Encoding: gzip"], gzip.compress(bytes(9999), mtime=0)[:-20], "", False),
        (["Content-Encoding: identity"], b"hello", "hello", True),
    ],
)
def test_where_a_body_ends(headers: list[str], body: bytes, text: str, whole: bool) -> None:
    found = answer(body, *headers)
    assert (found.body.strip("\0"), found.whole) == (text, whole)


def test_no_body_is_longer_than_what_is_used() -> None:
    small = b"1\r\nx\r\n" * (MAX_BODY + 5) + b"0\r\n\r\n"
    for headers, body in (
        ([], b"x" * 2 * MAX_BODY),
        ([f"Content-Length: {2 * MAX_BODY}"], b"x" * 2 * MAX_BODY),
        (["Transfer-Encoding: chunked"], small),
        (["Content-Encoding: gzip"], gzip.compress(b"x" * 50 * MAX_BODY, mtime=0)),
    ):
        found = answer(body, *headers)
        assert (len(found.body), found.whole) == (MAX_BODY, True)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body(status: str) -> None:
    found = answer(b"hello", "Content-Length: 5", status=status)
    assert (found.body, found.whole) == ("", True)
