"""Settings of a service or a command: environment variables that begin with GRADER_, read once."""

import sys
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Network: TypeAlias = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """All settings; every one has a default that suits one small server (docs/reference/settings.md)."""

    model_config = SettingsConfigDict(env_prefix="GRADER_", extra="ignore", frozen=True)

    data_folder: Path = Path("data")
    """Database, uploaded files, secrets."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    """0 takes any free port."""
    public_url: str = Field(default="none", pattern=r"^(none|https?://[^\s/?#@]+/?)$")
    """How people reach the service from outside; none where it is at the address it listens on."""
    trusted_proxies: str = "none"
    """Addresses and networks, with commas, whose X-Forwarded-For, -Proto and -Host are believed; or none."""
    oidc_issuer: str = Field(default="none", pattern=r"^(none|https?://\S+)$")
    """The identity provider at which people can sign in (OpenID Connect)."""
    oidc_client_id: str = "none"
    oidc_client_secret: str = Field(default="none", repr=False)
    oidc_login: str = "preferred_username"
    """The claim that says who somebody is here."""
    oidc_name: str = "none"
    """What people call the provider; none for its host's name."""
    smtp_host: str = "none"
    """The mail server that links are sent through."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = "none"
    smtp_password: str = Field(default="none", repr=False)
    mail_from: str = "none"
    """The address that mail comes from."""
    mail_domain: str = "none"
    """What follows the @ in the addresses of those whose login has none."""
    session_idle_s: int = Field(default=7 * 24 * 3600, gt=0)
    """How long somebody stays signed in who does not come back."""
    session_total_s: int = Field(default=30 * 24 * 3600, gt=0)
    """How long somebody stays signed in at most."""
    workers: int = Field(default=1, ge=0, le=64)
    """Worker processes that `serve` starts; each runs one notebook at a time."""
    ready_kernels: int = Field(default=1, ge=0, le=16)
    """Kernels that each worker forks ahead."""
    preloaded_modules: str = Field(default="none", pattern=r"^\s*([A-Za-z_][\w.]*\s*(,\s*[A-Za-z_][\w.]*\s*)*)?$")
    """Modules that every kernel finds loaded already, with commas between them; or none."""
    kernel_python: Path = Field(default_factory=lambda: find_kernel_python())
    """The interpreter of the students' environment."""
    gpus: str = "all"
    """Which GPUs get workers of their own: all, none, or UUIDs and numbers with commas between them."""
    gpu_slots: int = Field(default=1, ge=1, le=16)
    """Workers for each GPU."""
    max_upload_bytes: int = Field(default=20 * 1024 * 1024, gt=0)
    max_person_bytes: int = Field(default=1024**3, gt=0)
    """What one person's work for one assignment may take of the disk."""
    max_cells: int = Field(default=2000, gt=0)
    max_containers: int = Field(default=1_000_000, gt=0)
    """Lists and objects in an uploaded file, counted before it is parsed."""
    max_nesting: int = Field(default=100, gt=0)
    uploads_before_pause: int = Field(default=20, ge=1, le=1000)
    """After so many uploads of one person for one assignment in a short time, grading of the next ones waits."""
    uploads_window_s: float = Field(default=600.0, gt=0)
    """How short that time is."""
    min_free_share: float = Field(default=0.05, ge=0, lt=1)
    """Uploads are refused when less of the disk than this is free."""
    lease_s: float = Field(default=15.0, gt=0)
    """How long a worker that went silent keeps its job."""
    canary_every_s: float = Field(default=3600.0, gt=0)
    """How long a worker relies on the cage before it tries again what must not work in a kernel."""
    max_attempts: int = Field(default=5, gt=0)
    """Tries of a grading run that fails through us before it waits for an operator."""
    shutdown_s: float = Field(default=10.0, gt=0)
    """How long `serve` waits for its processes before it kills them."""
    demo: bool = True
    """Create the demo course at the first start."""
    bundled: str = "all"
    """Which of the bundled assignments are published at a start: all, or short names with commas between them."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("data_folder", "kernel_python", mode="before")
    @classmethod
    def _refuse_nothing(cls, given: object) -> object:
        """An empty variable would silently mean the working folder."""
        if given == "":
            raise ValueError("must not be empty")
        return given

    @field_validator("trusted_proxies")
    @classmethod
    def _refuse_names(cls, given: str) -> str:
        _parse_networks(given)
        return given

    @model_validator(mode="after")
    def _refuse_half(self) -> Self:
        """A provider or a mail server without its other half would fail for the first person who needs it."""
        if self.oidc_issuer != "none" and self.oidc_client_id == "none":
            raise ValueError("GRADER_OIDC_ISSUER needs GRADER_OIDC_CLIENT_ID")
        if self.smtp_host != "none" and "@" not in self.mail_from:
            raise ValueError("GRADER_SMTP_HOST needs GRADER_MAIL_FROM, a mail address")
        return self

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        return _parse_networks(self.trusted_proxies)

    @property
    def preloaded(self) -> tuple[str, ...]:
        names = (name.strip() for name in self.preloaded_modules.split(","))
        return tuple(name for name in names if name not in ("", "none"))

    @property
    def public_origin(self) -> str | None:
        return None if self.public_url == "none" else self.public_url.rstrip("/")

    @property
    def database_path(self) -> Path:
        return self.data_folder / "grader.sqlite3"

    @property
    def blobs_folder(self) -> Path:
        return self.data_folder / "blobs"

    @property
    def backups_folder(self) -> Path:
        return self.data_folder / "backups"

    @property
    def draw_key_path(self) -> Path:
        """The secret that picks hidden inputs."""
        return self.data_folder / "draw.key"


def find_kernel_python() -> Path:
    """The students' interpreter: `.venv-kernel` beside the environment this runs in, or in the working folder."""
    beside = Path(sys.prefix).parent / ".venv-kernel" / "bin" / "python"
    return beside if beside.exists() else Path(".venv-kernel/bin/python").absolute()


def _parse_networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks with commas between them. Raises ValueError."""
    names = (name.strip() for name in text.split(","))
    return tuple(ip_network(name) for name in names if name not in ("", "none"))
