"""Credential shapes: what each catches, and what looks like one and is none.

Every secret here is made up; they are put together from parts, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64

import pytest

from grader.facts.credentials import find

WORD = "Zk3Lw9Qp7Xn2Vb5Tm8RcYd4Hs6Jf1GaUeBoN"  # 36 characters
SECRET = "q7Xn2Vb5/m8RcYd4Hs6Jf1Ga+eBoNZk3Lw9QpTuv"  # 40, as AWS has them
KEY = "MC4CAQAwBQYDK2VwBCIEIJk3Lw9Qp7Xn2Vb5Tm8RcYd4Hs6Jf1GaUeBoNZqWxS"
BEGIN, END = "-----BEGIN {}PRIVATE KEY-----", "-----END {}PRIVATE KEY-----"
LOGIN = base64.b64encode(f"me:{WORD}".encode()).decode()


def pem(kind: str = "", newline: str = "\n", headers: str = "") -> str:
    return newline.join(filter(None, (BEGIN.format(kind), headers, KEY, END.format(kind))))


CAUGHT = [
    ("private key", "key.pem", pem()),
    ("private key", "id_rsa", pem("OPENSSH ")),
    ("private key", "server.key", pem("RSA ", headers="Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0011\n")),
    ("private key", "key.json", '{"private_key": "' + pem(newline="\\n") + '"}'),
    ("private key", "windows.pem", pem("EC ", newline="\r\n")),
    ("private key", "code.py", '"' + pem(newline='\\n"\n    "') + '"'),
    ("private key", "etc/ssh/ssh_host_ed25519_key", pem("OPENSSH ")),
    ("private key", "app/tests/key.pem", pem()),
    ("private key", "usr/lib/python3/dist-packages/app/key.pem", pem()),
    ("private key", "app/lib/libapp.so", pem()),
    ("private key, base64", ".kube/config", "client-key-data: " + base64.b64encode(pem().encode()).decode()),
    ("AWS secret key", "x.py", f'"AKIA2EQA7F3B244C5576", "{SECRET}"'),
    ("AWS secret key", ".aws/credentials", f"[default]\naws_secret_access_key = {SECRET}\n"),
    ("AWS secret key", "a.json", f'{{"SecretAccessKey": "{SECRET}"}}'),
    ("GitHub token", "x", "ghp_" + WORD),
    ("GitHub token", "x", f"https://x:gho_{WORD}@github.com"),
    ("GitHub token", "x", "github_pat_" + WORD[:22] + "_" + (WORD + WORD)[:59]),
    ("GitLab token", "x", "glpat-" + WORD[:20]),
    ("npm token", "x", "npm_" + WORD),
    ("npm token", ".npmrc", f"//registry.npmjs.org/:_authToken={WORD[:8]}-1234-5678-9abc-{WORD[8:20]}"),
    ("npm password", ".npmrc", f"_auth={LOGIN}"),
    ("PyPI token", "x", "pypi-AgEIcHlwaS5vcmc" + WORD + WORD),
    ("Slack token", "x", "xoxb-" + "123456789012-" + WORD[:24]),
    ("Slack webhook", "x", "https://hooks.slack.com/services/" + "T01ABCDEF/B01ABCDEF/" + WORD[:24]),
    ("Docker Hub token", "x", "dckr_pat_" + WORD[:27]),
    ("Stripe key", "x", "sk_live_" + WORD[:24]),
    ("registry login", "root/.docker/config.json", f'{{"auths": {{"ghcr.io": {{"auth": "{LOGIN}"}}}}}}'),
    ("password", "root/.netrc", "machine example.org\n  login me\n  password Zk3Lw9Qp\n"),
    ("password", "etc/apt/auth.conf.d/private.conf", "machine deb.example.org login me password Zk3Lw9Qp\n"),
    ("password", ".pypirc", "[pypi]\nusername = me\npassword = Zk3Lw9Qp\n"),
    ("URL with a password", ".git-credentials", "https://me:Zk3Lw9Qp@git.example.org\n"),
    ("URL with a password", "etc/pip.conf", "index-url = https://me:Zk3Lw9Qp@pypi.example.org/simple\n"),
    ("setting with a secret", "app/.env", "DEBUG=1\nDB_PASSWORD='Zk3Lw9Qp7'\n"),
    ("setting with a secret", ".env.production", "export API_KEY=Zk3Lw9Qp7Xn2\n"),
]  # fmt: skip

HARMLESS = [
    ("public key", "key.pub", pem().replace("PRIVATE", "PUBLIC")),
    ("certificate", "ca.pem", pem().replace("PRIVATE KEY", "CERTIFICATE")),
    ("a marker in code", "ssl.py", f'if line == "{BEGIN.format("")}":\n    parse(lines, end="{END.format("")}")\n'),
    ("documentation", "doc.md", f"{BEGIN.format('RSA ')}\n...your key, in many lines...\n{END.format('RSA ')}"),
    ("a key of one letter", "x", BEGIN.format("") + "\n" + "A" * 200),
    ("a package's test key", "usr/lib/python3/dist-packages/tornado/test/test.key", pem()),
    ("a module's test key", "app/node_modules/public-encrypt/test/1024.priv", pem("RSA ")),
    ("Go's test data", "usr/local/go/src/crypto/tls/testdata/key.pem", pem()),
    ("an example that a package brings", "usr/share/doc/stunnel/examples/key.pem", pem()),
    ("a library's own test key", "usr/lib/x86_64-linux-gnu/libgnutls.so.30.40.3", pem()),
    ("npm's cache", "root/.npm/_cacache/content-v2/sha512/08/06/e7afa473e0261090b614b52357c503d4", pem()),
    ("pip's cache", "root/.cache/pip/http-v2/a/b/c", pem()),
    ("Debian's snakeoil", "etc/ssl/private/ssl-cert-snakeoil.key", pem()),
    ("AWS's documented key", "x", "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("an AWS key id alone", "x", "AKIA2EQA7F3B244C5576"),
    ("an AWS key id and a commit", "x", "AKIA2EQA7F3B244C5576 commit 3f786850e387550fdab836ed7e6dc881de23001b"),
    ("a commit", "x", "aws_secret_access_key = 3f786850e387550fdab836ed7e6dc881de23001b"),
    ("a variable in place of it", ".npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n"),
    ("a placeholder", "x", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx npm_" + "0" * 36),
    ("the alphabet", "x", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
    ("a longer word", "x", f"xghp_{WORD} ghp_{WORD}{WORD}"),
    ("a pattern for one", "x.py", 'r"ghp_[A-Za-z0-9]{36}|npm_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20}"'),
    ("Stripe's test key", "x", "sk_test_" + WORD[:24]),
    ("no login", "root/.docker/config.json", '{"auths": {"ghcr.io": {}}, "credsStore": "pass"}'),
    ("another tool's config", "app/config.json", '{"auth": "required-by-default"}'),
    ("an example file", ".env.example", "DB_PASSWORD=Zk3Lw9Qp7\n"),
    ("settings that hold none", ".env", "PASSWORD=changeme\nTOKEN=${TOKEN}\nSECRET_KEY=\nTOKEN_TTL=86400000\n"),
    ("where a secret lies", ".env", "DB_PASSWORD=/run/secrets/db\nAPI_KEY=~/.keys/api1\n"),
    ("a default login", "etc/pip.conf", "index-url = https://user:password@pypi.example.org/simple\n"),
    ("settings in any other file", "app.py", "API_KEY=Zk3Lw9Qp7Xn2\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "path", "text"), CAUGHT, ids=lambda value: value[:24] if isinstance(value, str) else ""
)
def test_caught(kind: str, path: str, text: str) -> None:
    data = b"before\n" + text.encode() + b"\nafter\n"
    hits = list(find(data, path))
    assert kind in [hit.kind for hit in hits]
    for hit in hits:
        assert 0 < hit.start < hit.end <= len(data)


@pytest.mark.parametrize(("about", "path", "text"), HARMLESS, ids=[row[0].replace(" ", "-") for row in HARMLESS])
def test_not_caught(about: str, path: str, text: str) -> None:
    assert list(find(text.encode(), path)) == []


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("API_TOKEN=Zk3Lw9Qp7Xn2", True),
        ("RUN |1 NPM_TOKEN=Zk3Lw9Qp7Xn2 /bin/sh -c npm ci", True),
        ("RUN /bin/sh -c SECRET_KEY=only-for-collectstatic python manage.py collectstatic", False),
        ("RUN --mount=type=secret,id=t TOKEN=$(cat /run/secrets/t) npm ci", False),
        ("GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305", False),
        ("POSTGRES_PASSWORD_FILE=/run/secrets/db", False),
        ("PYTHON_SHA256=c30bb24b7f1e9a19b11b55a546434f74e739bb4c271a3e3a80ff4380d49f7adb", False),
    ],
)
def test_settings(text: str, caught: bool) -> None:
    assert bool(list(find(text.encode(), settings=True))) is caught
    assert not list(find(text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        b"\n" * 300_000,
        b" " * 300_000,
        b"A" * 300_000,
        b"AKIAQQQQQQQQQQQQQQQQ " * 15_000,
        BEGIN.format("").encode() * 9_000,
        (BEGIN.format("") + "\\n" * 200).encode() * 600,
        (BEGIN.format("") + "\nA: b" * 50).encode() * 600,
        b"TOKEN_" * 50_000,
        b"machine a password " * 15_000,
        b"https://a:" * 30_000,
        b"npm_" * 75_000,
        b'"auth":"' * 37_000,
        b"aws_secret_access_key " * 15_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_no_text_keeps_it_busy(text: bytes) -> None:
    """A window is 256 KiB; every shape is bounded, so none takes long however it is filled."""
    for path in ("", ".env", ".netrc", ".npmrc", ".docker/config.json", ".git-credentials"):
        list(find(text, path, settings=True))
