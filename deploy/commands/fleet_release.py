"""``skolro fleet release make`` and ``list``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from deploy.commands.fleet_options import keys_of, releases_of
from deploy.fleet.wheels import USUAL_TARGETS
from deploy.nodes.software import LOCK


def release_make(
    wheel: Annotated[Path, typer.Argument(help="Skolro's wheel, as pip wheel makes it.")],
    config: ConfigOption,
    target: Annotated[
        list[str] | None,
        typer.Option(help=f"Python and processor; else {' and '.join(USUAL_TARGETS)}."),
    ] = None,
    lock: Annotated[Path, typer.Option(help="Versions that nodes need, with hashes.")] = LOCK,
    wheels: Annotated[
        Path | None, typer.Option(help="Folder of wheels; else pip fetches them.")
    ] = None,
) -> None:
    """Make a release and sign it: the wheel, and all that nodes need beside it."""
    with opened(config) as collector:
        release = releases_of(collector).make(
            wheel, lock, target or USUAL_TARGETS, keys_of(collector).signing(), wheels
        )
    size_mb = sum(one.size for one in release.manifest.files) / 1e6
    typer.echo(
        f"Release {release.version} for {', '.join(release.targets)}: "
        f"{len(release.manifest.files)} files, {size_mb:.0f} MB. Offer it to the first node with "
        f"skolro fleet update {release.version} --stage first"
    )


def release_list(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List the releases that were made."""
    with opened(config) as collector:
        releases = releases_of(collector).all()
    if as_json:
        print_json(
            [
                {
                    "version": one.version,
                    "manifest_sha256": one.manifest_sha256,
                    "targets": one.targets,
                    "bytes": sum(file.size for file in one.manifest.files),
                }
                for one in releases
            ]
        )
        return
    print_table(
        ("Version", "For", "Files", "MB", "Manifest"),
        [
            (
                one.version,
                ", ".join(one.targets),
                str(len(one.manifest.files)),
                f"{sum(file.size for file in one.manifest.files) / 1e6:.0f}",
                one.manifest_sha256[:16],
            )
            for one in releases
        ],
        "No release was made: skolro fleet release make WHEEL",
    )
