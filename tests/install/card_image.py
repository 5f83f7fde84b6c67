"""A card as Raspberry Pi Imager writes it: a boot partition, and a system never started."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.install.root import Root, archive_of, finished

BOOT: Final = "/boot/firmware"
CARD_BYTES: Final = 16 << 30
_SECTOR: Final = 512
_BOOT_START, _BOOT_SECTORS = 8192, 256 << 11
_ROOT_START, _ROOT_SECTORS = _BOOT_START + _BOOT_SECTORS, 3 << 21
_DISK_ID: Final = "5c01a5e1"
# Of what Raspberry Pi OS Lite (Trixie) has, all that has to do with starting, network and card.
_PACKAGES: Final = (
    "linux-image-cloud-amd64 initramfs-tools systemd-sysv dbus udev libpam-systemd kmod "
    "cloud-init netplan.io network-manager openssh-server sudo fdisk parted e2fsprogs dosfstools "
    "python3-venv chrony libportaudio2 libsndfile1 busybox zstd overlayroot"
)
_CLOUD: Final = """\
datasource_list: [ NoCloud, None ]
datasource:
  NoCloud:
    seedfrom: file:///boot/firmware
"""
"""As Raspberry Pi OS says it."""

COMMAND_LINE: Final = (
    f"console=ttyS0 root=PARTUUID={_DISK_ID}-02 rootfstype=ext4 fsck.repair=yes rootwait "
    "net.ifnames=0\n"
)
"""What a technician leaves of it: without the word ``resize``."""

_FSTAB: Final = f"""\
proc /proc proc defaults 0 0
PARTUUID={_DISK_ID}-01 {BOOT} vfat defaults 0 2
PARTUUID={_DISK_ID}-02 / ext4 defaults,noatime 0 1
"""


class Card:
    """An image of a card in a file.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def boot(self) -> str:
        """The boot partition, as mtools names it."""
        return f"{self.path}@@{_BOOT_START * _SECTOR}"

    def put(self, folder: Path) -> None:
        """Copy what is in `folder` onto the boot partition, as a technician does."""
        names = sorted(str(path) for path in folder.iterdir())
        finished(["mcopy", "-s", "-o", "-i", self.boot, *names, "::"])

    def on_boot(self, name: str) -> bytes | None:
        """A file of the boot partition; None: there is none."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                finished(["mcopy", "-n", "-i", self.boot, f"::{name}", folder])
            except AssertionError:
                return None
            return (Path(folder) / Path(name).name).read_bytes()

    def take(self, name: str, to: Path) -> None:
        """Copy a file out of the root partition, without changing anything there."""
        where = f"{self.path}?offset={_ROOT_START * _SECTOR}"
        finished(["debugfs", "-R", f"dump {name} {to}", where])
        assert to.stat().st_size > 0, f"there is no {name} on the card"

    def newest_in_boot(self, name: str) -> str:
        """The newest file of the folder /boot that is called `name`-VERSION."""
        where = f"{self.path}?offset={_ROOT_START * _SECTOR}"
        lines = finished(["debugfs", "-R", "ls -p /boot", where]).splitlines()
        found = [one.split("/")[5] for one in lines if f"/{name}-" in one]
        assert found, f"there is no {name} on the card"
        return f"/boot/{max(found)}"

    def partitions(self) -> list[tuple[int, int]]:
        """Where each begins, and how long it is, in bytes."""
        told = finished(["sfdisk", "--json", str(self.path)])
        table = json.loads(told)["partitiontable"]["partitions"]
        return [(_SECTOR * one["start"], _SECTOR * one["size"]) for one in table]

    def faults(self, partition: int) -> str:
        """What a start would find that it cannot repair by itself; empty: nothing."""
        start, size = self.partitions()[partition]
        options = [f"--offset={start}", f"--sizelimit={size}"]
        # e2fsck itself forgets where the partition begins once it has replayed.
        device = finished(["losetup", "--show", "--find", *options, str(self.path)]).strip()
        try:
            command = ["e2fsck", "-f", "-p", device]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
        finally:
            finished(["losetup", "--detach", device])
        # 1: it has counted anew what is free, as each mount does.
        return "" if ended.returncode <= 1 else ended.stdout + ended.stderr


@contextmanager
def system(suite: str) -> Iterator[Root]:
    """The Debian `suite` with what is on such a card, in a folder, to install into."""
    recipe = f"{_PACKAGES}{_CLOUD}{_FSTAB}"
    name = f"{suite}-card-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    archive = archive_of(name)
    if not archive.exists():
        with Root(suite) as root:
            _furnish(root)
            root.pack(archive)
    with Root(name) as root:
        yield root


def card_of(root: Root, boot: Path, image: Path) -> Card:
    """A card that was never started, with `root` and what is in the folder `boot`."""
    root.let_go()
    with image.open("wb") as file:
        file.truncate(CARD_BYTES)
    table = image.with_suffix(".sfdisk")
    table.write_text(
        f"label: dos\nlabel-id: 0x{_DISK_ID}\n"
        f"start={_BOOT_START}, size={_BOOT_SECTORS}, type=c\n"
        f"start={_ROOT_START}, size={_ROOT_SECTORS}, type=83\n"
    )
    finished(["sh", "-c", f"sfdisk --quiet {image} < {table}"])
    vfat = image.with_suffix(".vfat")
    finished(["truncate", f"--size={_BOOT_SECTORS * _SECTOR}", str(vfat)])
    finished(["mkfs.vfat", "-F", "32", "-n", "bootfs", str(vfat)])
    at = ["bs=4M", f"seek={_BOOT_START * _SECTOR >> 22}", "conv=notrunc,sparse"]
    finished(["dd", f"if={vfat}", f"of={image}", *at])
    finished(
        [
            "mke2fs", "-q", "-F", "-t", "ext4", "-L", "rootfs", "-d", str(root.path),
            "-E", f"offset={_ROOT_START * _SECTOR}", str(image), f"{_ROOT_SECTORS // 2}k",
        ]
    )  # fmt: skip
    (boot / "cmdline.txt").write_text(COMMAND_LINE)
    card = Card(image)
    card.put(boot)
    return card


def _furnish(root: Root) -> None:
    root.run("apt-get", "update", "-qq")
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq")
    root.run(*quiet, "--no-install-recommends", *_PACKAGES.split())
    root.run("apt-get", "clean")
    files = {
        "/etc/fstab": _FSTAB,
        "/etc/hostname": "raspberrypi\n",
        # As of a system that was never started.
        "/etc/machine-id": "uninitialized\n",
        "/etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg": _CLOUD,
    }
    if "PIP_CERT" in os.environ:
        files["/etc/pip.conf"] = "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n"
    for name, text in files.items():
        root.inside(name).write_text(text)
    root.inside(BOOT).mkdir(parents=True)
    root.inside("/etc/resolv.conf").unlink()
    for key in root.inside("/etc/ssh").glob("ssh_host_*"):
        key.unlink()
