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

# A whole new environment beside the old one, and one link that is switched: nothing is ever half
# installed.
version=$(basename "$wheel" | cut -d- -f2)
release="/opt/skolro/releases/$version"
rm -rf "$release.part"
python3 -m venv "$release.part"
"$release.part/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
  --requirement "$here/node.lock"
"$release.part/bin/pip" install --quiet --disable-pip-version-check --no-deps "$wheel"
"$release.part/bin/python" -m compileall -q "$release.part/lib"
rm -rf "$release"
mv "$release.part" "$release"
# The scripts of a virtual environment name the folder that it was made in.
grep -rlI "$release.part" "$release/bin" "$release/pyvenv.cfg" |
  xargs -r sed -i "s|$release.part|$release|g"
ln -sfn "$release" /opt/skolro/current.part
mv -T /opt/skolro/current.part /opt/skolro/current
ln -sfn /opt/skolro/current/bin /opt/skolro/bin

/opt/skolro/bin/skolro --version
# What the system is told, by the release: time, log, watchdog, names of what is plugged in.
for system in "$release"/lib/python3*/site-packages/deploy/image/system; do
  (cd "$system" && find . -type f -exec install -D -m 0644 {} /{} \;)
done
if [ -f "$here/skolro-sensor.service" ]; then
  install -m 0644 "$here/skolro-sensor.service" /etc/systemd/system/skolro-sensor.service
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reexec
  systemctl restart systemd-journald.service chrony.service
  sysctl --quiet --load /etc/sysctl.d/60-skolro.conf
  udevadm control --reload
  udevadm trigger --action=add --subsystem-match=sound --subsystem-match=tty --subsystem-match=leds
  udevadm settle --timeout=30
  systemctl enable --now skolro-sensor.service
fi
