"""Which certificates are private ones, and that images made for different ones can be told apart."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import pytest

from layerwise.errors import LabError
from layerwise.stack.certificates import Trust, trusted

ONE = ssl.DER_cert_to_PEM_cert(b"a proxy's authority")
TWO = ssl.DER_cert_to_PEM_cert(b"another proxy's authority")
PUBLIC = Path(certifi.where()).read_text()


@pytest.mark.parametrize(
    ("bundle", "private"),
    [
        (PUBLIC, ()),
        (PUBLIC + ONE, (ONE,)),
        (ONE + PUBLIC + TWO + ONE, tuple(sorted((ONE, TWO)))),
        ("# a comment\n" + ONE.replace("\n", "\r\n"), (ONE,)),
        ("nothing of the kind", ()),
        ("-----BEGIN CERTIFICATE-----\nno!\n-----END CERTIFICATE-----\n", ()),
    ],
)
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"])
def test_private_is_what_the_public_bundles_lack(tmp_path: Path, variable: str, bundle: str, private: tuple[str, ...]):
    file = tmp_path / "bundle.pem"
    file.write_bytes(bundle.encode())
    assert trusted({variable: str(file)}).private == private


@pytest.mark.parametrize("environ", [{}, {"SSL_CERT_FILE": ""}, {"NODE_EXTRA_CA_CERTS": "/nowhere"}])
def test_none_named_none_trusted(environ: dict[str, str]):
    assert trusted(environ) == Trust()
    assert trusted(environ).fingerprint == ""


def test_several_variables_add_up_and_their_order_says_nothing(tmp_path: Path):
    (tmp_path / "one").write_text(ONE)
    (tmp_path / "two").write_text(TWO)
    ahead = trusted({"SSL_CERT_FILE": str(tmp_path / "one"), "PIP_CERT": str(tmp_path / "two")})
    back = trusted({"SSL_CERT_FILE": str(tmp_path / "two"), "PIP_CERT": str(tmp_path / "one")})
    assert ahead == back
    assert ahead.fingerprint == back.fingerprint != trusted({"PIP_CERT": str(tmp_path / "one")}).fingerprint != ""


def test_a_folder_of_certificates(tmp_path: Path):
    (tmp_path / "one.crt").write_text(ONE)
    (tmp_path / "two.pem").write_text(TWO)
    (tmp_path / "README").write_text(PUBLIC)
    assert set(trusted({"REQUESTS_CA_BUNDLE": str(tmp_path)}).private) == {ONE, TWO}


def test_a_bundle_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(LabError, match=r"PIP_CERT names .*gone\.pem.*correct or unset it"):
        trusted({"PIP_CERT": str(tmp_path / "gone.pem")})


def test_written_one_certificate_a_file(tmp_path: Path):
    files = Trust((ONE, TWO)).write(tmp_path)
    assert [file.read_text() for file in files] == [ONE, TWO]
    assert {file.suffix for file in files} == {".crt"}
    assert sorted(tmp_path.iterdir()) == files


def test_a_bundle_holds_the_public_ones_too():
    bundle = Trust((ONE,)).bundle()
    assert bundle.endswith(ONE)
    assert bundle.startswith(PUBLIC.rstrip())
