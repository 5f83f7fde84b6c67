"""How ``skolro-root`` upgrades a package, start after start, in a system that does not run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.install.root import Root, finished

_COMMAND: Final = "/usr/local/sbin/skolro-root"
_SOURCE: Final = Path(__file__).parents[2] / "deploy/image/read-only" / _COMMAND[1:]
_TASK, _SWITCH, _LAST = "/data/upgrade.task", "/data/overlayroot.conf", "/data/upgrade.last"
_PACKAGES: Final = """\
for version in 1.0 2.0; do
  mkdir -p /srv/probe/DEBIAN
  printf "Package: probe\\nVersion: $version\\nArchitecture: all\\nMaintainer: a <a@b>\\n" \
    > /srv/probe/DEBIAN/control
  echo "Description: a probe" >> /srv/probe/DEBIAN/control
  dpkg-deb --build /srv/probe "/srv/probe-$version.deb" >/dev/null
done
cd /srv
for file in probe-*.deb; do
  dpkg-deb --field "$file"
  printf "Filename: ./$file\\nSize: %s\\nSHA256: %s\\n\\n" \
    "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d ' ' -f 1)"
done > Packages
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:/srv ./" > /etc/apt/sources.list.d/probe.list
dpkg --install probe-1.0.deb >/dev/null
"""


def check(root: Root) -> None:
    """Upgrade a package as the timer does, and fail as a node without a network does."""
    shutil.copy(_SOURCE, root.inside(_COMMAND))
    # Nothing starts anew in here: what would is written down.
    restarts = root.inside("/restarts")
    stand_in = root.inside("/usr/local/bin/systemctl")
    stand_in.write_text('#!/bin/sh\necho "$@" >> /restarts\n')
    stand_in.chmod(0o755)
    root.run("sh", "-euc", _PACKAGES)
    with _mounted(root, "/data"):
        with _mounted(root, "/media/root-ro"):
            assert "restarting to install them" in _skolro_root(root, "upgrade")
            assert _version(root) == "1.0", "it was installed into memory"
        assert root.inside(_TASK).exists()
        assert "disabled" in root.inside(_SWITCH).read_text()
        _skolro_root(root, "started")
        assert _version(root) == "2.0"
        assert not root.inside(_TASK).exists()
        assert not root.inside(_SWITCH).exists(), "it stays writable"
        assert restarts.read_text() == 2 * "--no-block reboot\n"
        assert root.inside(_LAST).read_text().startswith("current 2")
        assert "Nothing to upgrade" in _skolro_root(root, "upgrade")
        with _mounted(root, "/media/root-ro"):
            _skolro_root(root, "writable")
        assert root.inside(_SWITCH).exists()
        _skolro_root(root, "started")
        assert not root.inside(_SWITCH).exists(), "it is writable for more than once"
        # Broken off by power cuts, again and again: it gives up, and says so.
        root.inside(_SWITCH).write_text('overlayroot="disabled"\n')
        root.inside(_TASK).write_text("3\n")
        _skolro_root(root, "started")
        assert "broken off 3 times" in root.inside(_LAST).read_text()
        assert not root.inside(_SWITCH).exists()


def _skolro_root(root: Root, verb: str) -> str:
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return root.run("env", path, _COMMAND, verb)


def _version(root: Root) -> str:
    return root.run("dpkg-query", "-W", "-f", "${Version}", "probe")


@contextmanager
def _mounted(root: Root, path: str) -> Iterator[None]:
    folder = root.inside(path)
    folder.mkdir(parents=True, exist_ok=True)
    finished(["mount", "-t", "tmpfs", "tmpfs", str(folder)])
    try:
        yield
    finally:
        finished(["umount", str(folder)])
