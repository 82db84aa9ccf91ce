"""Settings that hold a secret by their name, and values that are none."""

from __future__ import annotations

import pytest

from grader.facts.image.secret_settings import (
    is_flag,
    is_placeholder,
    is_reference,
    is_secret_name,
    is_secret_value,
    is_url_password,
)

NAMES = [
    "DB_PASS", "DB_PASSWORD", "db_password", "PGPASSWORD", "PGPASS", "MYSQL_PWD", "SMTP_PW", "SECRET", "SECRET_KEY",
    "SECRET_KEY_BASE", "NPM_TOKEN", "API_KEY", "APIKEY", "STRIPE_API_KEY", "AWS_SECRET_ACCESS_KEY",
    "AZURE_ACCOUNT_KEY", "RAILS_MASTER_KEY", "APP_KEY", "JWT_SECRET", "JWT_KEY", "ENCRYPTION_KEY", "SSH_PASSPHRASE",
    "GOOGLE_CREDENTIALS", "PRIVATE_KEY", "TLS_PRIVATE_KEY", "PASS",
]  # fmt: skip
OTHERS = [
    "PWD", "OLDPWD", "COMPASS", "BYPASS", "KEY", "MONKEY", "AUTHOR", "PUBLIC_KEY", "GPG_KEY", "APT_KEY", "KEYBOARD",
    "TOKEN_TTL", "PASSWORD_MIN_LENGTH", "DB_PASSWORD_FILE", "SECRET_KEY_BASE_DUMMY", "SSH_AUTH_SOCK", "SSH_KEY_DIR",
    "KEYCLOAK_HOME", "TOKENIZERS_PARALLELISM", "AWS_ACCESS_KEY_ID", "PASS_THROUGH",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OTHERS)
def test_other_names(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        "Rb7kZpQ2xW",
        "676861bc8e1148d18f9f53eca30841ee8b1ec7e81c39f99751cd01ab31597c20c136f82443d04e4f709c6161fde1996b",
        "RbkZpQxWmTqL",
        "base64:2fl+Ktvkfl+Fuz4Qp/A75G2RTiWVA/ZoKZvp6fiiM10=",
        "admin:Rb7kZpQ2xW",
        "/q7Xn2Vb5m8RcYd4Hs6Jf1Ga/eBoNZk3Lw9QpTuv",
        "q7Xn2Vb5/m8RcYd4Hs6Jf1Ga+eBoNZk3Lw9QpTuv",
        "file:Rb7kZpQ2xW",
        "1f9a19b11b55",
    ],
)
def test_secrets(value: str) -> None:
    assert is_secret_value(value.encode())


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf",
        "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/db/pass1",
        "vault:secret/data/app#token2",
        "vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==",
        "file:/run/secrets/db1",
        "file:///run/secrets/db1",
        "op://vault/item2/field",
        "ref+vault://secret/app#/key2",
        "env:DB_PASSWORD",
        "mystore:path/to/secret2#key",
        "secretsmanager://prod/db2/password",
        "projects/my-app1/secrets/db/versions/3",
        "gcp-sm://projects/x1/secrets/db",
        "@Microsoft.KeyVault(SecretUri=https://x1.vault.azure.net/secrets/db)",
        "https://vault1.example.org/v1/secret",
        "/run/secrets/db_2",
        "./secrets/db2.txt",
        "../keys/id_ed25519",
        "~/.keys/api1",
        "secrets/db2.txt",
        "config/master2.key",
        "server-v2.pem",
        r"C:\secrets\db2.txt",
    ],
)
def test_references(value: str) -> None:
    assert is_reference(value.encode())
    assert not is_secret_value(value.encode())


@pytest.mark.parametrize(
    "value", ["3600000000", "only-for-collectstatic", "mySecretName", "--from-file", "changeme1", "password123"]
)
def test_numbers_words_and_placeholders(value: str) -> None:
    assert not is_reference(value.encode())
    assert not is_secret_value(value.encode())


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("Rb7kZpQ2xW", True),
        ("postgres", False),
        ("devPassword", False),
        ("postgres1234", False),
        ("Admin1!", False),
        ("12345678", False),
        ("$DB_PASS", False),
    ],
)
def test_passwords_in_urls(value: str, secret: bool) -> None:
    assert is_url_password(value.encode()) is secret


def test_flags_and_placeholders() -> None:
    assert all(map(is_flag, (b"yes", b"False", b"0")))
    assert not any(map(is_flag, (b"", b"yes-or-no", b"10")))
    assert all(map(is_placeholder, (b"dummy", b"minio123", b"minioadmin", b"<token>")))
    assert not any(map(is_placeholder, (b"Rb7kZpQ2xW", b"hunter2")))


@pytest.mark.parametrize(
    "value", [b"a" * 500 + b"!", b"aA" * 250 + b"!", b"a." * 250 + b"!", b"a/" * 250 + b"!", b"aa/" * 160]
)
def test_no_value_keeps_it_busy(value: bytes) -> None:
    is_secret_value(value)
