"""Releases for nodes, which have no account here. Each file is signed, and none is secret."""

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from collector.config import CollectorConfig
from sensor.contract.fleet import FILES

router = APIRouter(prefix="/releases", include_in_schema=False)

_NO_SUCH = 404

Sha256 = Annotated[str, InPath(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, InPath(pattern=r"^[0-9][0-9A-Za-z.]{0,39}$")]


@router.get(f"/{FILES}/{{sha256}}")
def file(request: Request, sha256: Sha256) -> FileResponse:
    """Give a file of releases, or the rest of it."""
    return _answer(request, FILES, sha256)


@router.get("/{version}/{name}")
def manifest(
    request: Request, version: Version, name: Literal["manifest.json", "manifest.jws"]
) -> FileResponse:
    """Give what a release is made of, or who says so."""
    return _answer(request, version, name)


def _answer(request: Request, *parts: str) -> FileResponse:
    config: CollectorConfig = request.app.state.access.config
    if config.fleet is None:
        raise HTTPException(_NO_SUCH)
    path = Path(config.fleet.releases).joinpath(*parts)
    if not path.is_file():
        raise HTTPException(_NO_SUCH)
    return FileResponse(path, media_type="application/octet-stream")
