"""Style sheets, scripts and fonts, served from memory under addresses that change when any of them does."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from fastapi import APIRouter, Request, Response

from grader.errors import NotFound

_MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""What is served; records and licences beside it are not."""
_ALREADY_COMPRESSED = frozenset({".woff2"})
_FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Asset:
    data: bytes
    media_type: str
    gzipped: bytes | None
    """None where compressing it again gains nothing."""


@dataclass(frozen=True, kw_only=True)
class Assets:
    """All of them, by their path under grader/web/static."""

    files: Mapping[str, Asset]
    digest: str
    """Of all together: one style sheet names others by relative addresses, which must change with it."""

    def address_of(self, path: str) -> str:
        """Raises KeyError: no such file, our own mistake."""
        if path not in self.files:
            raise KeyError(path)
        return f"/static/{self.digest}/{path}"


@cache
def load_assets() -> Assets:
    """Read them, once a process."""
    folder = resources.files("grader.web") / "static"
    files = dict(sorted(_walk(folder, at=PurePosixPath()).items()))
    digest = hashlib.sha256()
    for path, asset in files.items():
        digest.update(path.encode() + b"\0" + hashlib.sha256(asset.data).digest())
    return Assets(files=files, digest=digest.hexdigest()[:16])


def accepts_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


@router.get("/static/{digest}/{path:path}")
async def get_asset(digest: str, path: str, request: Request) -> Response:
    """One file; an address of another release is not found rather than answered with something else."""
    assets = load_assets()
    asset = assets.files.get(path)
    if asset is None or digest != assets.digest:
        raise NotFound(what="file", name=path)
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if asset.gzipped is not None and accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.gzipped, media_type=asset.media_type, headers=headers)
    return Response(asset.data, media_type=asset.media_type, headers=headers)


def _walk(folder: Traversable, *, at: PurePosixPath) -> dict[str, Asset]:
    found: dict[str, Asset] = {}
    for entry in folder.iterdir():
        path = at / entry.name
        if entry.is_dir():
            found |= _walk(entry, at=path)
        elif path.suffix in _MEDIA_TYPES:
            data = entry.read_bytes()
            gzipped = None if path.suffix in _ALREADY_COMPRESSED else gzip.compress(data, mtime=0)
            found[path.as_posix()] = Asset(data=data, media_type=_MEDIA_TYPES[path.suffix], gzipped=gzipped)
    return found
