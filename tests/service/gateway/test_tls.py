"""Calls by TLS, and a certificate that is replaced while connections are open."""

import asyncio
import datetime
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.service.gateway.harness import read_until_quiet, request, running, status

from gateway.entrypoints.certificates import Certificates


def write_certificate(folder: Path, name: str, *hosts: str, file: str = "tls") -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    folder.mkdir(exist_ok=True)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    certificate_file, key_file = folder / f"{file}.crt", folder / f"{file}.key"
    certificate_file.write_bytes(certificate.public_bytes(pem))
    key_file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return certificate_file, key_file


async def common_name_and_answer(port: int, host: str | None = None) -> tuple[str, bytes]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.write(request(b"/books/ok"))
    answer, _ = await read_until_quiet(reader, 0.2)
    writer.close()
    name = x509.load_der_x509_certificate(shown).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return str(name), answer


async def test_a_new_certificate_is_taken_up_and_a_broken_one_is_not(tmp_path: Path) -> None:
    certificates = Certificates(*write_certificate(tmp_path, "first"))
    async with running(tmp_path / "log") as gateway:
        port = await gateway.server.listen("127.0.0.1", 0, tls=certificates.context)
        name, answer = await common_name_and_answer(port)
        assert (name, status(answer)) == ("first", 200)
        assert b"X-Forwarded-Proto: https" in gateway.upstream.received[-1][0]
        assert not certificates.follow()
        write_certificate(tmp_path, "second")
        os.utime(tmp_path / "tls.crt", (1, 1))
        assert certificates.follow()
        assert (await common_name_and_answer(port))[0] == "second"
        (tmp_path / "tls.key").write_text("nothing")
        assert not certificates.follow()
        assert (await common_name_and_answer(port))[0] == "second"


async def test_each_name_is_shown_its_own_certificate_and_files_come_and_go(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    write_certificate(folder, "a", "a.example.com", file="a")
    write_certificate(folder, "wild", "*.example.com", "example.com", file="b")
    write_certificate(folder / "c", "mounted", "C.example.org")
    certificates = Certificates(*write_certificate(tmp_path, "default"), folder)
    async with running(tmp_path / "log") as gateway:
        port = await gateway.server.listen("127.0.0.1", 0, tls=certificates.context)

        async def shown(host: str | None) -> str:
            name, answer = await common_name_and_answer(port, host)
            assert status(answer) == 200
            return name

        async def all_shown() -> list[str]:
            return [
                await shown(host)
                for host in ("a.example.com", "x.example.com", "example.com", "c.example.org", "x.y.example.com", None)
            ]

        assert await all_shown() == ["a", "wild", "wild", "mounted", "default", "default"]
        assert not certificates.follow()
        write_certificate(folder, "new", "new.example.net", file="new")
        (folder / "a.key").unlink()
        (folder / "b.crt").write_text("nothing")
        assert certificates.follow()
        assert await shown("new.example.net") == "new"
        # Gone with its key; and a broken file leaves what was there.
        assert await all_shown() == ["wild", "wild", "wild", "mounted", "default", "default"]


def test_a_directory_alone_shows_its_first_and_an_empty_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        Certificates(None, None, tmp_path)
    write_certificate(tmp_path, "b", file="b")
    with pytest.raises(ValueError, match="names no host"):
        Certificates(None, None, tmp_path)
    write_certificate(tmp_path, "b", "b.example.com", file="b")
    assert not Certificates(None, None, tmp_path).follow()
