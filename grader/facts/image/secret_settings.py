"""Which settings hold a secret: those named like one, unless their value shows otherwise.

The same list serves the image's environment and history, `.env` files, and lint. A flag, a placeholder, a path and a
reference to a secret that is kept elsewhere (`arn:…`, `vault:…`, `file:…`) are no secrets.
"""

from __future__ import annotations

import re
from itertools import pairwise

_KEYS = "API|PRIVATE|SECRET|ACCESS|ACCOUNT|MASTER|ENCRYPTION|SIGNING|SESSION|AUTH|APP|JWT|HMAC|COOKIE"
NAMED = (
    r"(?:[A-Za-z0-9_]{0,60}(?:SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|SECRET_?KEY_?BASE"
    rf"|(?:API|PRIVATE|SECRET|ACCESS)_?KEY)|(?:[A-Za-z0-9_]{{0,60}}_)?(?:PASS|(?:{_KEYS})_?KEY)"
    r"|[A-Za-z0-9_]{1,60}_(?:PWD|PW)|(?:PG|DB)PASS)"
)
"""A pattern for the names, to be matched without regard to case."""
_NAME = re.compile(NAMED, re.IGNORECASE)

_PLACEHOLDER = re.compile(
    rb"example|x{4}|\*{3}|\.{3}|0{6}|change.?me|place.?holder|your.?|dummy|redacted|<|\$|\{|%\(|insert|replace|fake"
    rb"|^minio(?:admin|123)$",
    re.IGNORECASE,
)
_WEAK = frozenset(
    b"password passwd secret pass postgres mysql root admin test token guest user username hunter2 none null".split()
)
_COUNTED = re.compile(rb"-?1(?:2(?:3(?:4(?:5(?:6)?)?)?)?)?!?\Z")
"""What people write behind a word that everybody knows."""
_FLAG = re.compile(rb"yes|no|true|false|on|off|none|null|[01]", re.IGNORECASE)

# Words, as in `only-for-collectstatic` or `mySecretName`; letters that change case at random are not.
_WORD = rb"(?:(?:[a-z]+|[A-Z][a-z]{2,})(?:[A-Z][a-z]{2,})*|[A-Z]+)"
_WORDS = re.compile(rb"%b(?:[-_.]%b)*" % (_WORD, _WORD))
_CODE = re.compile(rb"[A-Za-z_][\w.]*[(\[]")

_STORES = (
    rb"arn|vault|file|env|ssm|aws-?s(?:m|sm|ecretsmanager)|gcp-?sm|sm|az-?kv|keyvault|akv|op|bws|doppler|akeyless|credhub"
    rb"|keyring|pass|sops|secret|secrets|secretref|k8s|ref\+[a-z]+"
)
_REFERENCE = re.compile(
    rb"(?:%b):{1,2}[\w./@#+~-]*[/.:#@][^\s]*|env:[A-Za-z_]+|projects/[^/\s]+/secrets/\S+|@Microsoft\.KeyVault\b.*"
    % _STORES,
    re.IGNORECASE,
)
_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^\s@]*")
# A part of a path is made of words, some with a few digits at their end: `id_ed25519`, `app-v2.key`.
_PART = rb"\.{0,2}(?:[A-Za-z]+\d{0,5}|\d{1,4})(?:[-_.@](?:[A-Za-z]+\d{0,5}|\d{1,4}))*"
_STORED = re.compile(rb"[A-Za-z][\w+-]{1,30}:/{0,3}(?:%b[/#])+(?:%b)?" % (_PART, _PART))
_RELATIVE = re.compile(rb"(?:%b[/\\])+(?:%b)?|%b\.[a-z]{2,5}" % (_PART, _PART, _PART))
_ABSOLUTE = re.compile(rb"(?:/|\.{1,2}/|~|[A-Za-z]:[/\\])[^\s]*")


def is_secret_name(name: str) -> bool:
    """Whether a setting of that name usually holds a secret."""
    return bool(_NAME.fullmatch(name))


def is_placeholder(value: bytes) -> bool:
    """Whether it stands for a value that is still to come, or is an example that everybody knows."""
    return bool(_PLACEHOLDER.search(value))


def is_flag(value: bytes) -> bool:
    """Whether it is `yes`, `no` and the like, as for MYSQL_ALLOW_EMPTY_PASSWORD."""
    return bool(_FLAG.fullmatch(value))


def is_reference(value: bytes) -> bool:
    """Whether it says where the secret is, and is not the secret: a path, a URL without a password, or the name of a
    secret in a store (`arn:…`, `vault:…`, `op://…`)."""
    if any(form.fullmatch(value) for form in (_REFERENCE, _STORED, _RELATIVE, _URL)):
        return True
    return bool(_ABSOLUTE.fullmatch(value)) and not any(map(_is_mixed, re.split(rb"[/\\]", value)))


def looks_random(value: bytes) -> bool:
    """Whether it looks random: many different characters, and no word that placeholders use."""
    return len(set(value)) >= 10 and not is_placeholder(value) and not _is_sequence(value)


def is_password(value: bytes) -> bool:
    """Whether it may be a password: neither a placeholder nor one that everybody knows."""
    return len(value) >= 4 and _COUNTED.sub(b"", value.lower()) not in _WEAK and not is_placeholder(value)


def is_secret_value(value: bytes) -> bool:
    """Whether the value of a setting named like a secret may be one: not a reference, a number, code or plain words."""
    return (
        is_password(value)
        and len(set(value)) >= 5
        and not value.startswith(b"-")
        and not value.isdigit()
        and not _WORDS.fullmatch(value)
        and not _CODE.match(value)
        and not is_reference(value)
    )


def is_url_password(value: bytes) -> bool:
    """Whether a password in a URL may be a real one, and not the word or number that a development set-up uses."""
    return is_password(value) and not value.isdigit() and not _WORDS.fullmatch(value)


def _is_mixed(part: bytes) -> bool:
    """Whether it looks like a random text in base64, and like no name of a file or folder."""
    return len(part) >= 16 and all(re.search(kind, part) for kind in (rb"\d", rb"[a-z]", rb"[A-Z]"))


def _is_sequence(value: bytes) -> bool:
    """Whether most characters follow the one before, as in `abcdefghij…` and `1234567890…`."""
    steps = sum(after - before == 1 for before, after in pairwise(value))
    return steps * 2 > len(value)
