#!/bin/sh
# Installs the system packages that the demo or the tests need, on Debian and Raspberry Pi OS.
# usage: deploy/install-packages.sh demo|test|install
# Does nothing when all are there. What cannot be installed is named; the tests that need it
# say so again and fail when CI=true.
set -u

case "${1:-}" in
  demo) wanted="python3-venv mosquitto libportaudio2" ;;
  test) wanted="python3-venv mosquitto libportaudio2 caddy influxdb chromium postgresql poppler-utils shellcheck fonts-dejavu-core fonts-liberation pulseaudio libasound2-plugins chrony" ;;
  install) wanted="python3-venv mosquitto debootstrap iproute2 zstd systemd-container qemu-user-static qemu-system-x86 openssh-client mtools dosfstools fdisk" ;;
  *) echo "usage: $0 demo|test|install" >&2; exit 2 ;;
esac

command -v dpkg-query >/dev/null || {
  echo "This is no Debian: install by hand what corresponds to: $wanted" >&2
  exit 0
}

missing=""
for package in $wanted; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null; then
    as_root="sudo"
  else
    echo "Not root, and no sudo: ask an administrator for apt-get install$missing" >&2
    exit 0
  fi
fi

echo "Installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || echo "The package lists could not be refreshed." >&2
for package in $missing; do
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
    echo "NOT INSTALLED: $package; what needs it will say so." >&2
done
