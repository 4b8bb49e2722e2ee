"""Settings of this process, and what follows from them alone: logging, limits, addresses."""

import logging
import sys

import structlog
from pydantic import ValidationError

from grader.errors import InvalidSettings
from grader.notebook.read import ReadLimits
from grader.settings import Settings


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        InvalidSettings: naming each variable that is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            ": ".join([*(f"GRADER_{str(name).upper()}" for name in entry["loc"][:1]), entry["msg"]])
            for entry in error.errors()
        ]
        raise InvalidSettings(what="; ".join(wrong)) from error


def configure_logging(settings: Settings) -> None:
    """One JSON object a line on standard error."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    logging.basicConfig(level=logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def read_limits(settings: Settings) -> ReadLimits:
    """What an uploaded file may be."""
    return ReadLimits(
        max_bytes=settings.max_upload_bytes,
        max_cells=settings.max_cells,
        max_containers=settings.max_containers,
        max_depth=settings.max_nesting,
    )


def invitation_link(secret: str, *, settings: Settings, listens_on: tuple[str, int] | None = None) -> str:
    """Where the person whom it is for chooses a password.

    Args:
        listens_on: host and port, where the service has been given them already.
    """
    return f"{settings.public_origin or local_url(listens_on or (settings.host, settings.port))}/invitation/{secret}"


def local_url(address: tuple[str, int]) -> str:
    """The address that a service on this host and port has."""
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
