"""Credentials known by their shape, in bytes nobody vouches for.

A shape is precise before it is complete: what it names must be a secret, or the check that uses it judges wrongly. So
placeholders (`ghp_xxxx…`, AWS's documented EXAMPLE keys) are no credentials, an AWS key id is one only with its secret
beside it, and the keys that packages carry for their own tests are left out by the path they lie at.

Sources: "About authentication to GitHub" (token formats), GitLab's "Token overview", AWS's "IAM identifiers", npm's and
PyPI's token announcements, Slack's "Token types", the formats of netrc(5), .docker/config.json and RFC 7468.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

LONGEST = 4096
"""Bytes that the longest shape may need to be seen in one piece."""


class Hit(NamedTuple):
    """A credential: what it is, and where in the bytes it stands."""

    kind: str
    start: int
    end: int


def find(data: bytes, path: str = "", *, settings: bool = False) -> Iterator[Hit]:
    """Credentials in `data`, the content (or a part of it) of the file at `path`, without a leading slash.

    `settings`: it is an image's environment or history, where `TOKEN=…` is a setting.
    """
    if path and _of_a_dependency(path):
        return
    for shape in _SHAPES:
        if any(gate.search(data) for gate in shape.gates):
            yield from shape.find(data)
    for files, shape in _IN_FILES:
        if path and files.search(path):
            yield from shape.find(data)
    if settings:
        yield from _SETTING.find(data)


@dataclass(frozen=True)
class _Shape:
    kind: str
    pattern: re.Pattern[bytes]
    gates: tuple[re.Pattern[bytes], ...] = ()
    """One of them is in whatever matches. Each begins with letters as they are, and so is searched for at 3 GB/s."""
    real: Callable[[bytes], bool] | None = None
    """Whether the first group, or all of the match, is no placeholder."""

    def find(self, data: bytes) -> Iterator[Hit]:
        for match in self.pattern.finditer(data):
            group = 1 if self.pattern.groups else 0
            if (self.real or _random)(match[group]):
                yield Hit(self.kind, match.start(group), match.end(group))


_PLACEHOLDER = re.compile(
    rb"example|x{4}|\*{3}|\.{3}|0{6}|change.?me|place.?holder|your.?|dummy|redacted|<|\$|\{|%\(|insert|replace|fake",
    re.IGNORECASE,
)
_WEAK = frozenset(
    b"password passwd secret pass postgres mysql root admin test token guest user username hunter2 none null".split()
)


def _random(value: bytes) -> bool:
    """Whether it looks drawn, not written: many different characters, and no word that a placeholder has."""
    return len(set(value)) >= 10 and not _PLACEHOLDER.search(value) and not _is_sequence(value)


def _is_sequence(value: bytes) -> bool:
    """`abcdefghij…`, `1234567890…`: most characters follow the one before."""
    steps = sum(after - before == 1 for before, after in pairwise(value))
    return steps * 2 > len(value)


def _aws_secret(value: bytes) -> bool:
    # 40 hexadecimal digits are a commit.
    return _random(value) and not re.fullmatch(rb"[0-9a-f]{40}|[0-9A-F]{40}", value)


def _is_encoded_key(value: bytes) -> bool:
    try:
        return b"PRIVATE KEY-----" in base64.b64decode(value[:72])
    except binascii.Error:
        return False


def _is_login(value: bytes) -> bool:
    """Whether the base64 stands for `user:password`."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return bool(user and colon and len(password) >= 4) and not _PLACEHOLDER.search(password)


def _is_password(value: bytes) -> bool:
    return len(value) >= 4 and value.lower() not in _WEAK and not _PLACEHOLDER.search(value)


def _is_setting(value: bytes) -> bool:
    """Whether a variable with such a name would hold a secret: not a path, a number, a variable or plain words."""
    return (
        _is_password(value)
        and len(set(value)) >= 5
        and not value.startswith((b"/", b"./", b"~", b"-"))
        and not re.fullmatch(rb"[0-9]+|[A-Za-z]+(?:[-_.][A-Za-z]+)*", value)
    )


def _shape(kind: str, gates: str, pattern: bytes, real: Callable[[bytes], bool] | None = None) -> _Shape:
    return _Shape(kind, re.compile(pattern), tuple(re.compile(gate.encode()) for gate in gates.split("|")), real)


_BEFORE, _AFTER = rb"(?<![A-Za-z0-9_-])", rb"(?![A-Za-z0-9_-])"
_SHAPES = (
    _shape(
        "private key",
        "PRIVATE KEY",
        rb"-----BEGIN (?:[A-Z0-9]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----"
        rb"(?:(?:\\[nr]|\s){1,4}[A-Za-z-]{3,20}: [^\n\\]{1,200}){0,5}"  # headers
        rb"(?:\\[nr]|[\s\"'+,]){1,100}([A-Za-z0-9+/=]{40,2000})",
        lambda body: len(set(body)) >= 20,
    ),
    _shape("private key, base64", "LS0tLS1CRUdJTi", rb"(LS0tLS1CRUdJTi[A-Za-z0-9+/=]{100,2000})", _is_encoded_key),
    _shape(
        "AWS secret key",
        "A[KS]IA",
        rb"(?s)(?<![A-Za-z0-9])A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9]).{1,300}?(?<![A-Za-z0-9/+=])([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        _aws_secret,
    ),
    _shape(
        "AWS secret key",
        "aws_secret_access_key|AWS_SECRET_ACCESS_KEY|ecretAccessKey",
        rb"(?:aws_secret_access_key|AWS_SECRET_ACCESS_KEY|[sS]ecretAccessKey)[\"']?\s{0,5}[=:]\s{0,5}[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        _aws_secret,
    ),
    _shape("GitHub token", "gh[pousr]_", _BEFORE + rb"gh[pousr]_([A-Za-z0-9]{36})" + _AFTER),
    _shape("GitHub token", "github_pat_", _BEFORE + rb"github_pat_([A-Za-z0-9]{22}_[A-Za-z0-9]{59})" + _AFTER),
    _shape("GitLab token", "gl[pdr][at]", _BEFORE + rb"gl(?:pat|dt|rt|ptt)-([A-Za-z0-9_.-]{20,300})"),
    _shape("npm token", "npm_", _BEFORE + rb"npm_([A-Za-z0-9]{36})" + _AFTER),
    _shape("npm token", "_authToken", rb":_authToken\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_+/=.-]{20,500})"),
    _shape("PyPI token", "pypi-AgE", _BEFORE + rb"pypi-(AgE[A-Za-z0-9_-]{50,500})"),
    _shape("Slack token", "xox[abprs]-|xapp-", _BEFORE + rb"(?:xox[abprs]|xapp)-([A-Za-z0-9-]{20,300})"),
    _shape(
        "Slack webhook",
        "hooks.slack.com/services/T",
        rb"hooks\.slack\.com/services/(T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,30})",
    ),
    _shape("Docker Hub token", "dckr_pat_", _BEFORE + rb"dckr_pat_([A-Za-z0-9_-]{27})" + _AFTER),
    _shape("Stripe key", "k_live_", _BEFORE + rb"[sr]k_live_([A-Za-z0-9]{20,250})"),
)

_NAMED = (
    rb"[A-Z0-9_]*(?:SECRET|SECRET_?KEY|TOKEN|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)"
)
_ENV_FILE = _Shape(
    "setting with a secret",
    re.compile(rb"(?im)^[ \t]*(?:export[ \t]+)?" + _NAMED + rb"[ \t]*=[ \t]*[\"']?([^\s\"'#]{8,500})"),
    real=_is_setting,
)
_SETTING = _Shape(
    "setting with a secret",
    re.compile(rb"(?<![A-Za-z0-9_.-])" + _NAMED + rb"=[\"']?([^\s\"',;&|)]{8,500})"),
    real=_is_setting,
)
_URL = _Shape(
    "URL with a password", re.compile(rb"https?://[^\s/:@\"']{1,100}:([^\s/@\"']{4,200})@"), real=_is_password
)
_IN_FILES = (
    (
        re.compile(r"(?:^|/)(?:[^/]*\.env|\.env\.(?!example|sample|template|dist|defaults)[^/]*)$"),
        _ENV_FILE,
    ),
    (
        re.compile(r"(?:^|/)(?:[._]netrc|auth\.conf|auth\.conf\.d/[^/]*)$"),
        _Shape(
            "password",
            re.compile(rb"(?s)machine\s{1,50}\S{1,200}.{0,300}?\spassword\s{1,50}(\S{4,200})"),
            real=_is_password,
        ),
    ),
    (
        re.compile(r"(?:^|/)(?:\.docker/[^/]*|\.dockercfg|config\.json|auth\.json)$"),
        _Shape("registry login", re.compile(rb"\"auth\"\s*:\s*\"([A-Za-z0-9+/]{8,500}={0,2})\""), real=_is_login),
    ),
    (
        re.compile(r"(?:^|/)\.npmrc$"),
        _Shape("npm password", re.compile(rb"(?m)(?:^|:)_(?:auth|password)\s*=\s*[\"']?([A-Za-z0-9+/=]{8,500})")),
    ),
    (
        re.compile(r"(?:^|/)\.pypirc$"),
        _Shape("password", re.compile(rb"(?m)^[ \t]*password[ \t]*[=:][ \t]*(\S{4,500})"), real=_is_password),
    ),
    (re.compile(r"(?:^|/)(?:\.git-credentials|\.git/config|\.gitconfig|pip\.conf|\.pypirc|\.condarc|\.npmrc)$"), _URL),
)  # fmt: skip

# Where package managers put what they install, and what of that is made to be read by anybody.
_INSTALLED = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|gems|go/pkg/mod|go/src|usr/share|usr/lib/(?:python3[^/]*|node|ruby)"
    r"|usr/local/lib/(?:python3[^/]*|ruby)|\.cargo/registry)/"
)
_SPECIMEN = re.compile(
    r"(?:^|/)(?:[^/]*test[^/]*|[^/]*example[^/]*|[^/]*fixture[^/]*|samples?|demos?|docs?|vectors?|data)(?:/|$)|\.md$|README",
    re.IGNORECASE,
)
# Whole: package archives that were downloaded, libraries that test themselves with a key (GnuTLS), Debian's snakeoil.
_OTHERS = re.compile(
    r"(?:^|/)(?:_cacache|\.cache/(?:pip|uv|yarn|pypoetry|pnpm)|\.yarn/cache|go/pkg/mod/cache)/"
    r"|^(?:usr/)?lib(?:64)?/(?:[^/]+-linux-[^/]+/)?lib[^/]+\.so[.0-9]*$"
    r"|^etc/ssl/private/ssl-cert-snakeoil\.key$"
)


def _of_a_dependency(path: str) -> bool:
    """Whether it is what a package carries for its own tests and documentation, or a package as it was downloaded."""
    installed = _INSTALLED.search(path)
    return bool(installed and _SPECIMEN.search(path, installed.end() - 1)) or bool(_OTHERS.search(path))
