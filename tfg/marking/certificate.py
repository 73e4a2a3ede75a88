"""The certificate that this machine signs with: made once, kept in the cache, where only its owner may read it.

C2PA refuses a certificate that signs itself (specification 2.2, section 14.5), so there is an authority above it, whose key is thrown
away. Nobody else trusts it: a signature says that a file is as tfg left it, not who somebody is.
"""

from __future__ import annotations

import datetime
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tfg.assets import cache_root
from tfg.record.files import put
from tfg.types import InputError

VALID_FOR = datetime.timedelta(days=3650)
_END_OF_CERTIFICATE = b"-----END CERTIFICATE-----\n"


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """PEM, all of it."""

    key: bytes
    chain: bytes  # the certificate, then its authority's

    @property
    def authority(self) -> bytes:
        return self.chain.split(_END_OF_CERTIFICATE)[1] + _END_OF_CERTIFICATE


def location() -> Path:
    """Where it is kept."""
    return cache_root() / "marking" / "signer.pem"


def own() -> Certificate:
    """This machine's, made at first use and again when it has expired."""
    path = location()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        found = kept()
        if found is None or _has_expired(found):
            found = _made()
            _keep(found, path)
        return found


def kept() -> Certificate | None:
    """This machine's if it has one; InputError where its file is damaged."""
    path = location()
    if not path.is_file():
        return None
    lines = path.read_bytes()
    end = lines.find(b"-----BEGIN CERTIFICATE-----")
    if not lines.startswith(b"-----BEGIN PRIVATE KEY-----") or end < 0 or lines.count(_END_OF_CERTIFICATE) != 2:
        raise InputError(f"{path}: is not the certificate that tfg made; remove it, and it is made anew")
    return Certificate(key=lines[:end], chain=lines[end:])


def _keep(certificate: Certificate, path: Path) -> None:
    """With mode 0600 from its first byte on."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(certificate.key + certificate.chain)
        put(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _has_expired(certificate: Certificate) -> bool:
    from cryptography import x509

    try:
        until = x509.load_pem_x509_certificate(certificate.chain).not_valid_after_utc
    except ValueError:
        raise InputError(f"{location()}: holds no certificate; remove it, and it is made anew") from None
    return until <= datetime.datetime.now(datetime.UTC)


def _made() -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def name(common: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tfg"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
        )

    def usage(signs_certificates: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=not signs_certificates,
            key_cert_sign=signs_certificates,
            crl_sign=signs_certificates,
            **dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False),
            encipher_only=False,
            decipher_only=False,
        )

    def begun(subject: str, public: ec.EllipticCurvePublicKey, is_authority: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(AUTHORITY))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + VALID_FOR)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), True)
            .add_extension(usage(is_authority), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        )

    authority = begun(AUTHORITY, authority_key.public_key(), True).sign(authority_key, hashes.SHA256())
    certificate = (
        begun(SUBJECT, key.public_key(), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)  # one that C2PA asks for
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return Certificate(
        key=key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        chain=certificate.public_bytes(pem) + authority.public_bytes(pem),
    )


SUBJECT, AUTHORITY = "tfg", "tfg on this machine"
