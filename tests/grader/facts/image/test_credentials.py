"""Credential shapes: what each catches, and what looks like one and is none.

Every secret here is made up; they are put together from parts, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64

import pytest

from grader.facts.image.credentials import find_credentials

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
    ("npm token", ".npmrc", f"//npm.example.org/:_authToken={WORD[:8]}-1234-5678-9abc-{WORD[8:20]}"),
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
    ("URL with a password", "app/.npmrc", "registry=https://me:Zk3Lw9Qp@npm.example.org/\n"),
    ("URL with a password", "app/.env", "DATABASE_URL=postgres://app:Zk3Lw9Qp@db:5432/app\n"),
    ("npm token", "app/.yarnrc.yml", f'npmRegistries:\n  "https://r.example":\n    npmAuthToken: "{WORD}"\n'),
    ("npm token", "app/.yarnrc.yml", f"npmAuthIdent: {LOGIN}\n"),
    ("npm token", "root/.yarnrc", f'"//r.example/:_authToken" {WORD}\n'),
    ("token", "root/.cargo/credentials.toml", f'[registries.mine]\ntoken = "Bearer-{WORD}"\n'),
    ("token", "usr/local/cargo/credentials", f'[registry]\ntoken = "cio{WORD[:32]}"\n'),
    ("token", "app/.cargo/config.toml", f'[registries.mine]\nsecret-key = "k3.secret.{WORD}"\n'),
    ("age key", "key.txt", "AGE-SECRET-KEY-" + "1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQQPZRY9X8GF2TVDW0S3JN54KH"),
    ("Google API key", "app/config.js", f'const KEY = "{"AIza"}Sy{WORD[:33]}";'),
    ("Google API key", "app/chrome-extension/config.js", f'"AIza{WORD[:35]}"'),
    ("Google access token", "app.json", '"ya29.' + "a0" + WORD + "-" + WORD[::-1] + '"'),
    ("Google client secret", "client.json", f'{{"client_secret": "{"GOCSPX"}-{WORD[:28]}"}}'),
    ("Google refresh token", "app.json", '"refresh_token": "1//0' + WORD + "-" + WORD[::-1] + '"'),
    ("setting with a secret", "app/.env", "DEBUG=1\nDB_PASSWORD='Zk3Lw9Qp7'\n"),
    ("setting with a secret", "app/.env", "db_pass=Zk3Lw9Qp7\n"),
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
    ("a variable in place of it", ".npmrc", "//npm.example.org/:_authToken=${NPM_TOKEN}\n"),
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
    ("a variable in place of it", "app/.yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN:-}"\n'),
    ("a mirror without a token", "app/.cargo/config.toml", '[source.mirror]\nregistry = "https://r.example/"\n'),
    ("a variable in place of it", "root/.cargo/credentials.toml", 'token = "${CARGO_REGISTRY_TOKEN}"\n'),
    ("a public age key", "key.txt", "# public key: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n"),
    ("a packaged Google key", "usr/lib/python3/dist-packages/yt_dlp/youtube.py", f'"AIza{WORD[:35]}"'),
    ("Chromium's own Google key", "etc/chromium.d/apikeys", f'GOOGLE_API_KEY="AIza{WORD[:35]}"\n'),
    ("Playwright's own Google key", "root/.cache/ms-playwright/chromium-1/x.bin", f'"AIza{WORD[:35]}"'),
    ("a development set-up's URL", "app/.env", "DATABASE_URL=postgres://postgres:postgres@db/app\n"),
    ("settings in any other file", "app.py", "API_KEY=Zk3Lw9Qp7Xn2\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "path", "text"), CAUGHT, ids=lambda value: value[:24] if isinstance(value, str) else ""
)
def test_caught(kind: str, path: str, text: str) -> None:
    data = b"before\n" + text.encode() + b"\nafter\n"
    hits = list(find_credentials(data, path))
    assert kind in [hit.kind for hit in hits]
    for hit in hits:
        assert 0 < hit.start < hit.end <= len(data)


@pytest.mark.parametrize(("about", "path", "text"), HARMLESS, ids=[row[0].replace(" ", "-") for row in HARMLESS])
def test_not_caught(about: str, path: str, text: str) -> None:
    assert list(find_credentials(text.encode(), path)) == []


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("API_TOKEN=Zk3Lw9Qp7Xn2", True),
        ("api_token=Zk3Lw9Qp7Xn2", True),
        ("DATABASE_URL=postgres://app:Rb7kZpQ2xW@db:5432/app", True),
        ("REDIS_URL=redis://:Rb7kZpQ2xW@cache:6379/0", True),
        ("JDBC_URL=jdbc:postgresql://db/app?user=app&password=Rb7kZpQ2xW", True),
        ("RUN |1 NPM_TOKEN=Zk3Lw9Qp7Xn2 /bin/sh -c npm ci", True),
        ("RUN /bin/sh -c curl -d password=Zk3Lw9Qp7Xn2 https://example.org", True),
        ("DATABASE_URL=postgres://postgres:postgres@db/app", False),
        ("DATABASE_URL=postgres://app:$DB_PASS@db/app", False),
        ("DATABASE_URL=postgres://app@db:5432/app", False),
        ("RUN skopeo copy docker://alpine:3.22@sha256:37de3a5309a1 dir:/x", False),
        ("RUN git clone ssh://git@host:2222/x.git", False),
        ("RUN python -c 'client(api_key=os.environ[\"KEY\"])'", False),
        ("RUN /bin/sh -c SECRET_KEY=only-for-collectstatic python manage.py collectstatic", False),
        ("RUN --mount=type=secret,id=t TOKEN=$(cat /run/secrets/t) npm ci", False),
        ("GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305", False),
        ("POSTGRES_PASSWORD_FILE=/run/secrets/db", False),
        ("PYTHON_SHA256=c30bb24b7f1e9a19b11b55a546434f74e739bb4c271a3e3a80ff4380d49f7adb", False),
    ],
)
def test_settings(text: str, caught: bool) -> None:
    assert bool(list(find_credentials(text.encode(), settings=True))) is caught
    assert not list(find_credentials(text.encode()))


TOKEN = "ghp_" + WORD
PYC = b"\xe3\0\0\0\0\xda\x05TOKENz(%bN)\x02"
WORDS = b"gho_%bghs_ghu_gidgziphalfhashheadhelphexahkeyhosthourhtmlhttpicon"


@pytest.mark.parametrize(
    ("data", "caught"),
    [
        pytest.param(PYC % TOKEN.encode(), "GitHub token", id="compiled Python"),
        pytest.param(b"\0errorlogin%bmessage" % TOKEN.encode(), "GitHub token", id="a program's texts"),
        pytest.param(b"\0x1%b9z" % f"dckr_pat_{WORD[:27]}".encode(), "Docker Hub token", id="another kind"),
        pytest.param(b"\0AKIA2EQA7F3B244C5576z(%bN" % SECRET.encode(), "AWS secret key", id="two constants"),
        pytest.param(WORDS % b"ghp_", None, id="words after a beginning"),
        pytest.param(b"\0ghp_getObjectByIdFromDatabaseAndReturnItNow", None, id="names after a beginning"),
        pytest.param(b"\0ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", None, id="a placeholder"),
        pytest.param(PYC % TOKEN[:30].encode(), None, id="too short"),
    ],
)
def test_in_binary_files(data: bytes, caught: str | None) -> None:
    """Nothing separates a text from the next one there."""
    assert [hit.kind for hit in find_credentials(data, "x", binary=True)] == ([caught] if caught else [])


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
        b"a_" * 150_000,
        b"://a:" * 60_000,
        b"x=" + b"token=" * 50_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_no_text_keeps_it_busy(text: bytes) -> None:
    """A window is 256 KiB; every shape is bounded, so none takes long however it is filled."""
    for path in ("", ".env", ".netrc", ".npmrc", ".docker/config.json", ".git-credentials"):
        list(find_credentials(text, path, settings=True))
