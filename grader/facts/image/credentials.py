"""Find credentials by their shape, in untrusted bytes.

A shape would rather miss a secret than name something else one, since a false hit is a wrong verdict. So placeholders
(`ghp_xxxx…`, AWS's documented EXAMPLE keys) do not count, an AWS key id counts only next to its secret, and keys that
packages ship for their own tests are left out by their path.

Sources: "About authentication to GitHub" (token formats), GitLab's "Token overview", AWS's "IAM identifiers", npm's and
PyPI's token announcements, Slack's "Token types", Google's "API keys best practices", age's specification, Yarn's
"Settings (.yarnrc.yml)", The Cargo Book ("Configuration"), the formats of netrc(5), .docker/config.json and RFC 7468.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from grader.facts.image.secret_settings import (
    NAMED,
    is_password,
    is_placeholder,
    is_secret_value,
    is_url_password,
    looks_random,
)

LONGEST = 4096
"""Bytes of the longest match: a window has to hold it in one piece."""


class Hit(NamedTuple):
    """A credential: its kind, and its place in the bytes."""

    kind: str
    start: int
    end: int


def find_credentials(data: bytes, path: str = "", *, settings: bool = False, binary: bool = False) -> Iterator[Hit]:
    """Yield the credentials in `data`, the content (or a part of it) of the file at `path`, without a leading slash.

    With `settings`, `data` is an image's environment or history, where `TOKEN=…` sets a variable. With `binary`, it is
    part of a program or the like, where texts follow each other without anything in between.
    """
    if path and _of_a_dependency(path):
        return
    for shape in _SHAPES:
        if any(gate.search(data) for gate in shape.gates) and not (shape.public and shape.public.search(path)):
            yield from shape.find(data, binary=binary)
    for files, shape in _IN_FILES:
        if path and files.search(path):
            yield from shape.find(data)
    if settings:
        yield from _SETTING.find(data)
        yield from _URL_SETTING.find(data)


@dataclass(frozen=True)
class _Shape:
    kind: str
    pattern: re.Pattern[bytes]
    gates: tuple[re.Pattern[bytes], ...] = ()
    """Whatever matches `pattern` contains one of them. They begin with plain letters, and are searched at 3 GB/s."""
    real: Callable[[bytes], bool] | None = None
    """Says whether the first group, or the whole match without one, is a real value and not a placeholder."""

    public: re.Pattern[str] | None = None
    """Files in which it is public."""

    def find(self, data: bytes, *, binary: bool = False) -> Iterator[Hit]:
        unbounded = self._unbounded if binary else None
        for match in (unbounded or self.pattern).finditer(data):
            group = 1 if self.pattern.groups else 0
            if (self.real or looks_random)(match[group]) and (not unbounded or _is_mixed(match[group])):
                yield Hit(self.kind, match.start(group), match.end(group))

    @cached_property
    def _unbounded(self) -> re.Pattern[bytes] | None:
        """The pattern without what must not come before and after; None if it is the same."""
        bare = _BOUNDARY.sub(b"", self.pattern.pattern)
        return None if bare == self.pattern.pattern else re.compile(bare, self.pattern.flags)


_BOUNDARY = re.compile(rb"\(\?<?!\[[^\]]*\]\)")


def _is_mixed(value: bytes) -> bool:
    """Whether capitals, small letters and digits alternate as in a random text.

    Where a program's texts follow each other, the beginning of a token may be followed by any words and names.
    """
    longest = max(re.split(rb"[^A-Za-z0-9]", value), key=len)
    kinds = [(byte < 58) + 2 * (byte > 96) for byte in longest]
    return 1 in kinds and sum(one != other for one, other in pairwise(kinds)) * 10 >= len(longest) * 3


def _aws_secret(value: bytes) -> bool:
    # 40 hexadecimal digits are the id of a commit.
    return looks_random(value) and not re.fullmatch(rb"[0-9a-f]{40}|[0-9A-F]{40}", value)


def _is_encoded_key(value: bytes) -> bool:
    try:
        return b"PRIVATE KEY-----" in base64.b64decode(value[:72])
    except binascii.Error:
        return False


def _is_login(value: bytes) -> bool:
    """Whether this is `user:password` in base64."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return bool(user and colon and len(password) >= 4) and not is_placeholder(password)


def _shape(
    kind: str,
    gates: str,
    pattern: bytes,
    real: Callable[[bytes], bool] | None = None,
    public: re.Pattern[str] | None = None,
) -> _Shape:
    compiled = tuple(re.compile(gate.encode()) for gate in gates.split("|"))
    return _Shape(kind, re.compile(pattern), compiled, real, public)


# Where package managers install to.
_INSTALLED = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|gems|go/pkg/mod|go/src|usr/share|usr/lib/(?:python3[^/]*|node|ruby)"
    r"|usr/local/lib/(?:python3[^/]*|ruby)|\.cargo/registry)/"
)
# Programs that talk to Google bring their own keys, which are no secrets: browsers (Debian's Chromium has them in
# /etc/chromium.d), and packages such as yt-dlp.
_GOOGLE_PUBLIC = re.compile(
    rf"{_INSTALLED.pattern}|(?:^(?:etc|usr|opt)/|/\.cache/).*(?:chrom(?:e|ium)|electron|firefox|playwright|google-cloud-sdk)",
    re.IGNORECASE,
)


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
    _shape("age key", "AGE-SECRET-KEY-", rb"AGE-SECRET-KEY-(?:PQ-)?1([QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{50,100})"),
    _shape("Google API key", "AIza", _BEFORE + rb"(AIza[A-Za-z0-9_-]{35})" + _AFTER, public=_GOOGLE_PUBLIC),
    _shape("Google client secret", "GOCSPX-", rb"GOCSPX-([A-Za-z0-9_-]{28})" + _AFTER, public=_GOOGLE_PUBLIC),
    _shape("Google access token", "ya29\\.", _BEFORE + rb"ya29\.([A-Za-z0-9_-]{60,500})"),
    _shape("Google refresh token", "1//0", _BEFORE + rb"1//0([A-Za-z0-9_-]{60,200})" + _AFTER),
)

SETTING = "setting with a secret"
_ENV_FILE = _Shape(
    SETTING,
    re.compile(rb"(?im)^[ \t]*(?:export[ \t]+)?%b[ \t]*=[ \t]*[\"']?([^\s\"'#]{8,500})" % NAMED.encode()),
    real=is_secret_value,
)
_SETTING = _Shape(
    SETTING,
    re.compile(rb"(?i)(?<![A-Za-z0-9_.-])%b=[\"']?([^\s\"',;&|)]{8,500})" % NAMED.encode()),
    real=is_secret_value,
)
_URL = _Shape(
    "URL with a password", re.compile(rb"://[^\s/:@\"']{0,100}:([^\s/@\"']{4,200})@(?!sha256:)"), real=is_password
)
_URL_SETTING = _Shape(_URL.kind, _URL.pattern, real=is_url_password)
_TOKEN = _Shape("token", re.compile(rb"(?m)^\s{0,20}(?:secret-key|token)\s{0,5}=\s{0,5}[\"']([^\s\"']{16,500})"))
_DOTENV = re.compile(r"(?:^|/)(?:[^/]*\.env|\.env\.(?!example|sample|template|dist|defaults)[^/]*)$")
_IN_FILES = (
    (_DOTENV, _ENV_FILE),
    (_DOTENV, _URL_SETTING),
    (
        re.compile(r"(?:^|/)(?:[._]netrc|auth\.conf|auth\.conf\.d/[^/]*)$"),
        _Shape(
            "password",
            re.compile(rb"(?s)machine\s{1,50}\S{1,200}.{0,300}?\spassword\s{1,50}(\S{4,200})"),
            real=is_password,
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
        _Shape("password", re.compile(rb"(?m)^[ \t]*password[ \t]*[=:][ \t]*(\S{4,500})"), real=is_password),
    ),
    (
        re.compile(r"(?:^|/)\.yarnrc\.ya?ml$"),
        _Shape("npm token", re.compile(rb"npmAuth(?:Token|Ident)[\"']?\s*:\s*[\"']?([^\s\"'#]{16,500})")),
    ),
    (
        re.compile(r"(?:^|/)\.yarnrc$"),
        _Shape("npm token", re.compile(rb":_auth(?:Token)?[\"']?[ \t]+[\"']?([^\s\"']{16,500})")),
    ),
    (re.compile(r"(?:^|/)\.?cargo/(?:credentials|config)(?:\.toml)?$"), _TOKEN),
    (
        re.compile(
            r"(?:^|/)(?:\.git-credentials|\.git/config|\.gitconfig|pip\.conf|uv\.toml|\.pypirc|\.condarc|\.npmrc|\.yarnrc(?:\.ya?ml)?"
            r"|\.?cargo/config(?:\.toml)?)$"
        ),
        _URL,
    ),
)  # fmt: skip

# Which files of installed packages are tests, examples or documentation.
_SPECIMEN = re.compile(
    r"(?:^|/)(?:[^/]*test[^/]*|[^/]*example[^/]*|[^/]*fixture[^/]*|samples?|demos?|docs?|vectors?|data)(?:/|$)|\.md$|README",
    re.IGNORECASE,
)
# Left out wherever they are: downloaded package archives, libraries that test themselves with a key (GnuTLS), and
# Debian's snakeoil certificate.
_OTHERS = re.compile(
    r"(?:^|/)(?:_cacache|\.cache/(?:pip|uv|yarn|pypoetry|pnpm)|\.yarn/cache|go/pkg/mod/cache)/"
    r"|^(?:usr/)?lib(?:64)?/(?:[^/]+-linux-[^/]+/)?lib[^/]+\.so[.0-9]*$"
    r"|^etc/ssl/private/ssl-cert-snakeoil\.key$"
)


def _of_a_dependency(path: str) -> bool:
    """Whether it is part of a package's own tests or documentation, or a downloaded package."""
    installed = _INSTALLED.search(path)
    return bool(installed and _SPECIMEN.search(path, installed.end() - 1)) or bool(_OTHERS.search(path))
