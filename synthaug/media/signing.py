"""A manifest of the C2PA in a finished file, signed with a key of the user's."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from synthaug.errors import InputError, OutOfResources
from synthaug.media.marking import Mark
from synthaug.provenance import DIGITAL_SOURCE_TYPE

__all__ = ["Signer", "signer"]

_FORMATS = {
    ".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mov": "video/quicktime",
    ".qt": "video/quicktime", ".avi": "video/avi", ".gif": "image/gif", ".png": "image/png",
    ".webp": "image/webp", **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
}  # fmt: skip
_FILMED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
# No picture of the source or of the output beside the pixels, and nothing that asks the network.
_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"verify_after_sign": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signer:
    """What signs finished files; made by `signer`, which tries it.

    Args:
        certificates: PEM, the signer's own first, then those above it.
        key: PEM, private, unencrypted.
        algorithm: C2PA's name of it.
        filmed: whether files are new, as from a camera; else they have a source.
    """

    certificates: bytes
    key: bytes = dataclasses.field(repr=False)
    algorithm: bytes
    filmed: bool = False

    @property
    def sha256(self) -> str:
        """Of the certificates: who signs."""
        return hashlib.sha256(self.certificates).hexdigest()

    def check(self, outputs: Iterable[Path]) -> None:
        """Refuse files that have no place for a manifest.

        Raises:
            InputError: one of them.
        """
        for path in outputs:
            if path.suffix.lower() not in _FORMATS:
                raise InputError(
                    "c2pa", expected=f"a file that can be signed ({' '.join(sorted(_FORMATS))})",
                    got=path.suffix or "no ending", where=str(path),
                    remedy="Leave --c2pa out for it, or convert it first.", code="c2pa.format",
                )  # fmt: skip

    def sign(self, source: BinaryIO, out: BinaryIO, name: Path, mark: Mark) -> None:
        """Copy a finished file of ours with a signed manifest in it.

        Args:
            source: the file, at its beginning.
            out: read and written.
            name: whose ending tells the kind of file.
            mark: what was done to it.

        Raises:
            InputError: it is not what its ending says.
            OutOfResources: the disk is full.
        """
        import c2pa

        try:
            self._sign(source, out, _FORMATS[name.suffix.lower()], mark)
        except c2pa.C2paError.Io as error:
            raise OutOfResources(
                "file cannot be signed", got=str(error), where=str(name),
                remedy="Make room and run the same command again.",
            ) from error  # fmt: skip
        except c2pa.C2paError as error:
            raise InputError(
                "c2pa", expected="a file that can be signed", got=str(error), where=str(name),
                remedy="Leave --c2pa out for it.", code="c2pa.format",
            ) from error  # fmt: skip

    def _sign(self, source: BinaryIO, out: BinaryIO, kind: str, mark: Mark) -> None:
        import c2pa

        info = c2pa.C2paSignerInfo(self.algorithm, self.certificates, self.key, None)
        with (
            c2pa.Context(c2pa.Settings.from_dict(_SETTINGS)) as context,
            c2pa.Builder(self._manifest(kind, mark), context) as builder,
            c2pa.Signer.from_info(info) as signs,
        ):
            builder.sign(signs, kind, source, out)

    def _manifest(self, kind: str, mark: Mark) -> dict[str, Any]:
        """What the manifest says: nothing of it tells on the source, not even its name."""
        edited = {
            "action": "c2pa.edited",
            "digitalSourceType": DIGITAL_SOURCE_TYPE[mark.kind],
            "description": "faces replaced" if mark.generated else "faces covered",
        }
        manifest: dict[str, Any] = {
            "claim_generator_info": [{"name": "synthaug", "version": mark.version}],
            "format": kind,
        }
        # The first action must be one of these two, and what was opened an ingredient.
        first: dict[str, Any] = {"action": "c2pa.created", "digitalSourceType": _FILMED}
        if not self.filmed:
            first = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["source"]}}
            manifest["ingredients"] = [
                {"label": "source", "title": "source", "format": kind, "relationship": "parentOf"}
            ]
        actions = {"label": "c2pa.actions.v2", "data": {"actions": [first, edited]}}
        return {**manifest, "assertions": [actions]}


def signer(certificates: str | Path, key: str | Path) -> Signer:
    """A signer whose certificate and key belong together and sign something as a trial.

    Args:
        certificates: PEM file, the signer's certificate first, then those above it.
        key: PEM file with its private key, unencrypted.

    Raises:
        InputError: the extra is missing, a file that is none, a key of another certificate, or a
            certificate that is not valid now or that C2PA does not allow.
    """
    try:
        import c2pa
        from cryptography import x509
    except ImportError as error:
        raise InputError(
            "c2pa-python", expected="it installed",
            remedy="Run: pip install 'synthaug[c2pa]'", code="extra.missing",
        ) from error  # fmt: skip
    chain, secret = _content(certificates, "certificate"), _content(key, "key")
    try:
        own = x509.load_pem_x509_certificates(chain)[0]
    except ValueError as error:
        raise _refused("certificate", "PEM", "another file", certificates) from error
    secret, algorithm = _private(secret, own.public_key(), key)
    now = datetime.now(UTC)
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        span = f"{own.not_valid_before_utc:%Y-%m-%d} to {own.not_valid_after_utc:%Y-%m-%d}"
        raise _refused("certificate", "one that is valid now", span, certificates)
    made = Signer(certificates=chain, key=secret, algorithm=algorithm)
    try:
        made._sign(io.BytesIO(_dot()), io.BytesIO(), "image/png", Mark(version="0", generated=True))
    except c2pa.C2paError as error:
        wanted = "one that C2PA allows: for digital signatures, issued by another certificate, "
        wanted += "with the purpose emailProtection or documentSigning"
        raise _refused("certificate", wanted, str(error), certificates) from error
    return made


def _content(path: str | Path, what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _refused(what, "a file", error.strerror or "an error", path) from error


def _private(secret: bytes, public: Any, path: str | Path) -> tuple[bytes, bytes]:
    """A private key that belongs to a public one, as PKCS #8, and its algorithm."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        private = serialization.load_pem_private_key(secret, None)
    except TypeError as error:
        raise _refused("key", "one without a password", "one with", path) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refused("key", "a private key as PEM", "another file", path) from error
    if private.public_key() != public:
        raise _refused("key", "the certificate's own", "another one's", path)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        name = {256: b"es256", 384: b"es384", 521: b"es512"}.get(private.curve.key_size)
    elif isinstance(private, rsa.RSAPrivateKey):
        name = b"ps256"
    else:
        name = b"ed25519" if isinstance(private, ed25519.Ed25519PrivateKey) else None
    if name is None:
        raise _refused("key", "EC P-256, P-384 or P-521, RSA or Ed25519", "another kind", path)
    plain = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return plain, name


def _dot() -> bytes:
    """A PNG of one pixel."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    return file.getvalue()


def _refused(what: str, expected: str, got: str, where: str | Path) -> InputError:
    return InputError(what, expected=expected, got=got, where=str(where), code="c2pa.key")
