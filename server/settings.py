"""What a server is told at its start, checked before anything is opened."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path

import platformdirs

from synthaug.errors import InputError

__all__ = ["Settings", "default_store", "is_loopback"]

GIB = 1 << 30


def default_store() -> Path:
    """Where a server keeps everything unless told otherwise."""
    return Path(platformdirs.user_state_dir("synthaug")) / "server"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One server's settings.

    Args:
        host: address to listen on; anything but loopback needs TLS and tokens or client_ca.
        port: 0 takes a free one.
        admin_port: loopback port with reflection beside the same services; None: none.
        metrics_port: loopback port for Prometheus; None: none.
        store: folder for artifacts, jobs, tokens and the audit log; made with mode 700.
        jobs: ``""`` for SQLite inside the store, or a ``postgresql://`` address.
        devices: where models run, ``"cpu"`` or ``"cuda:0"``.
        tls_cert: PEM file, the server's chain.
        tls_key: PEM file, its key.
        client_ca: PEM file; clients must show a certificate signed by it.
        require_token: ask for a token on loopback too; else only once the store has one.
        owner_bytes: most bytes one owner may have stored.
        owner_artifacts: most uploads and artifacts one owner may have stored.
        upload_bytes: most bytes of one artifact.
        image_bytes: most bytes of one picture in a message.
        image_pixels: most pixels of one picture or frame.
        owner_jobs: most jobs of one owner that have not ended.
        queue: most jobs in all that wait.
        batch_images: most images drawn in one batch for several callers.
        batch_delay: seconds a batch waits for more callers.
        batch_queue: most images that may wait to be drawn.
        owner_rate: most calls a second of one owner, counted over two seconds.
        calls: most calls at once.
        job_seconds: longest time one job may ask for.
        frames: most frames of one file.
        ttl_seconds: how long anything is kept.
        sweep_seconds: how often the sweeper looks.
        drain_wait: seconds between NOT_SERVING and refusing calls, for balancers to notice.
        drain_grace: most seconds that calls in flight are waited for.

    Raises:
        InputError: settings that do not go together, or files that cannot be read.
    """

    host: str = "127.0.0.1"
    port: int = 50051
    admin_port: int | None = None
    metrics_port: int | None = None
    store: Path = dataclasses.field(default_factory=default_store)
    jobs: str = ""
    devices: tuple[str, ...] = ("cpu",)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    require_token: bool = False
    owner_bytes: int = 64 * GIB
    owner_artifacts: int = 100_000
    upload_bytes: int = 32 * GIB
    image_bytes: int = 16 << 20
    image_pixels: int = 64_000_000
    owner_jobs: int = 32
    queue: int = 256
    batch_images: int = 64
    batch_delay: float = 0.002
    batch_queue: int = 512
    owner_rate: float = 200.0
    calls: int = 512
    job_seconds: float = 24 * 3600.0
    frames: int = 1_000_000
    ttl_seconds: float = 7 * 24 * 3600.0
    sweep_seconds: float = 60.0
    drain_wait: float = 5.0
    drain_grace: float = 30.0

    def __post_init__(self) -> None:
        for name in ("port", "admin_port", "metrics_port"):
            number = getattr(self, name)
            if number is not None and not 0 <= number <= 65535:
                raise _wrong(name, "0 to 65535", str(number))
        for name in (
            "owner_bytes", "owner_artifacts", "upload_bytes", "image_bytes", "image_pixels",
            "owner_jobs", "queue",
            "batch_images", "batch_queue",
            "owner_rate", "calls", "job_seconds", "frames", "ttl_seconds", "sweep_seconds",
        ):  # fmt: skip
            if not getattr(self, name) > 0:
                raise _wrong(name, "above 0", str(getattr(self, name)))
        for name in ("drain_wait", "drain_grace", "batch_delay"):
            if not getattr(self, name) >= 0:
                raise _wrong(name, "0 or more", str(getattr(self, name)))
        if self.jobs and not self.jobs.startswith(("postgresql://", "postgres://")):
            # The address itself may hold a password.
            raise _wrong("jobs", "an address that begins with postgresql://", "another")
        self._check_devices()
        self._check_tls()

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def address(self) -> str:
        """Host and port as gRPC writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def _check_devices(self) -> None:
        for device in self.devices or ("",):
            kind, colon, number = device.partition(":")
            if device != "cpu" and not (
                kind == "cuda" and (number.isdecimal() if colon else not number)
            ):
                raise _wrong("device", "cpu, cuda or cuda:NUMBER", device or "none")

    def _check_tls(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InputError(
                "TLS", expected="a certificate and its key", got="only one of them",
                remedy="Give both --tls-cert and --tls-key.",
            )  # fmt: skip
        if self.client_ca and not self.tls_cert:
            raise InputError(
                "client certificates", expected="TLS", got="none",
                remedy="Give --tls-cert and --tls-key beside --client-ca.",
            )  # fmt: skip
        for name in ("tls_cert", "tls_key", "client_ca"):
            file: Path | None = getattr(self, name)
            if file is None:
                continue
            try:
                text = file.read_bytes()
            except OSError as error:
                raise InputError(
                    f"--{name.replace('_', '-')} cannot be read",
                    got=(error.strerror or "an error").lower(), where=str(file),
                    remedy="Name a PEM file that this user can read.",
                ) from error  # fmt: skip
            if b"-----BEGIN " not in text:
                raise InputError(
                    f"--{name.replace('_', '-')}", expected="a PEM file", got="something else",
                    where=str(file), remedy="Convert it with openssl.",
                )  # fmt: skip
        if not self.loopback and not self.tls_cert:
            raise InputError(
                f"address {self.host}", expected="TLS, because others can reach it", got="none",
                remedy="Give --tls-cert and --tls-key, and tokens (synthaug serve tokens add) or "
                "--client-ca; or listen on 127.0.0.1.",
            )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's alone; names other than localhost are not.

    Example:
        >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0")]
        [True, True, True, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(name: str, expected: str, got: str) -> InputError:
    option = "--" + name.replace("_", "-")
    return InputError(option, expected=expected, got=got, remedy="See synthaug serve --help.")
