#!/bin/sh
# Installs a node on Debian or Raspberry Pi OS (64 bit) from the files beside it: the wheel of
# Skolro, the locked versions of what it needs, and its unit. Can be run again.
# usage: install-node.sh      as root
set -eu

here=$(cd "$(dirname "$0")" && pwd)
fail() {
  echo "install-node.sh: $1" >&2
  exit 1
}
[ "$(id -u)" -eq 0 ] || fail "must be root: sudo sh install-node.sh"
! mountpoint -q /media/root-ro ||
  fail "the root is read-only, and what is installed would be gone: sudo skolro-root writable, and then again"
case "$(dpkg --print-architecture 2>/dev/null)" in
  arm64 | amd64) ;;
  *) fail "a 64-bit Debian or Raspberry Pi OS is needed: write the card anew with the 64-bit image" ;;
esac
wheel=$(find "$here" -maxdepth 1 -name 'skolro-*.whl' | sort | tail -n 1)
[ -n "$wheel" ] || fail "there is no wheel of Skolro in $here: make the image anew with --wheel"

export DEBIAN_FRONTEND=noninteractive
wanted=""
for package in python3-venv libportaudio2 libsndfile1 chrony; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
    wanted="$wanted $package"
done
if [ -n "$wanted" ]; then
  apt-get update -qq
  # shellcheck disable=SC2086 # each word is a package
  apt-get install -y -qq --no-install-recommends $wanted
fi
id skolro >/dev/null 2>&1 ||
  useradd --system --home-dir /var/lib/skolro --groups audio,dialout skolro
install -d -m 0700 -o skolro -g skolro /var/lib/skolro

id skolro-updater >/dev/null 2>&1 ||
  useradd --system --home-dir /var/lib/skolro-updater --groups skolro skolro-updater

# What the updater changes is its own: releases and configurations, each beside the ones before, and
# links that are switched. The rest of /opt/skolro is root's.
node=/opt/skolro/node
state=/var/lib/skolro-updater
install -d -m 0755 -o skolro-updater -g skolro-updater "$node" "$node/releases"
install -d -m 2750 -o skolro-updater -g skolro "$node/configs"
install -d -m 0700 -o skolro-updater -g skolro-updater "$state" "$state/files"
lead() { # link target: in one step
  ln -sfn "$2" "$1.part"
  mv -T "$1.part" "$1"
}

# A whole new environment beside the old one: it counts once .complete is there, and nothing is ever
# half installed. The files stay, so that an update fetches only what is new in it.
version=$(basename "$wheel" | cut -d- -f2)
release="$node/releases/$version-$(sha256sum "$wheel" | cut -c1-12)"
if [ ! -f "$release/.complete" ]; then
  rm -rf "$release" "$here/wheels"
  python3 -m venv "$release"
  "$release/bin/pip" download --quiet --disable-pip-version-check --require-hashes \
    --only-binary=:all: --dest "$here/wheels" --requirement "$here/node.lock"
  "$release/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-index \
    --find-links "$here/wheels" --requirement "$here/node.lock"
  "$release/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-index "$wheel"
  "$release/bin/python" -m compileall -q "$release/lib"
  cp "$wheel" "$here/wheels/"
  for file in "$here"/wheels/*.whl; do
    sum=$(sha256sum "$file" | cut -d' ' -f1)
    mv "$file" "$state/files/$sum"
    echo "$sum" >> "$release/.files"
  done
  rm -rf "$here/wheels"
  chown -R skolro-updater:skolro-updater "$release" "$state/files"
  sync
  mv "$release/.files" "$release/.complete"
fi
lead "$node/good" "$release"
lead "$node/current" "$release"
lead /opt/skolro/bin "$node/current/bin"

# The configuration of the card becomes the first of those that the node may be sent.
if [ -f /etc/skolro/node.toml ] && [ ! -L /etc/skolro/node.toml ]; then
  install -m 0640 -o skolro-updater -g skolro /etc/skolro/node.toml "$node/configs/card.toml"
  sync
  lead "$node/configs/current.toml" card.toml
  lead /etc/skolro/node.toml "$node/configs/current.toml"
fi

/opt/skolro/bin/skolro --version
# What the system is told, by the release: time, log, watchdog, names of what is plugged in.
for system in "$release"/lib/python3*/site-packages/deploy/image/system; do
  (cd "$system" && find . -type f -exec install -D -m 0644 {} /{} \;)
done
for unit in "$here"/skolro-*.service "$here"/skolro-*.path "$here"/skolro-*.timer; do
  [ ! -f "$unit" ] || install -m 0644 "$unit" /etc/systemd/system/
done
restart=""
if [ -f "$here/read-only-root" ] && [ -d /run/systemd/system ]; then
  # Before the node starts, so that it has nothing to move yet.
  status=0
  sh "$release"/lib/python3*/site-packages/deploy/image/read-only-root.sh || status=$?
  case $status in
    0) restart=yes ;;
    3) ;; # this card has no room for it: a whole node with a writable root, which says so
    *) fail "the root could not be made read-only: the lines above say why" ;;
  esac
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reexec
  systemctl restart systemd-journald.service systemd-sysctl.service chrony.service
  # In a container the devices are somebody else's.
  if systemctl --quiet is-active systemd-udevd.service; then
    udevadm control --reload
    udevadm trigger --action=add --subsystem-match=sound --subsystem-match=tty \
      --subsystem-match=leds
    udevadm settle --timeout=30
  fi
  systemctl enable --now skolro-sensor.service skolro-updater.path skolro-updater.timer \
    skolro-restart.path
  # In a minute, so that whoever called this comes to an end before.
  [ -z "$restart" ] || shutdown -r +1
fi
