#!/bin/sh
# Makes a server on Debian 12 or 13 (64 bit) from this repository, without containers. Run again, with
# a newer version of the repository, it upgrades: a new environment beside the old one, a copy of the
# ledger, and back to both when the new collector does not start.
# usage: deploy/install-server.sh --name HOST --municipality NAME [OPTION...]     the first time
#        deploy/install-server.sh                                                 to upgrade
# Options are those of `skolro server init`, and
#   --with-influxdb   Debian's own InfluxDB beside it (Debian 12), for a Grafana of yours
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
home=/opt/skolro
config=/etc/skolro/collector.toml
copies=/var/lib/skolro-backup
services="skolro-broker skolro-proxy skolro-collector"
# The last one reloads the broker when it has new certificates.
timers="skolro-backup.timer skolro-prune.timer skolro-renew.timer skolro-reload.path"

fail() {
  echo "install-server.sh: $1" >&2
  exit 1
}

require_debian() {
  [ "$(id -u)" -eq 0 ] || fail "must be root: sudo deploy/install-server.sh ..."
  [ -r /etc/os-release ] || fail "Debian 12 or 13 is needed; elsewhere use deploy/compose.yaml"
  # shellcheck source=/dev/null
  case "$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")" in
    "debian 12" | "debian 13") ;;
    *) fail "Debian 12 or 13 is needed; elsewhere use deploy/compose.yaml" ;;
  esac
  case "$(dpkg --print-architecture)" in
    amd64 | arm64) ;;
    *) fail "a 64-bit Debian is needed" ;;
  esac
  [ -d /run/systemd/system ] || fail "systemd must run here; in a container use deploy/compose.yaml"
}

install_packages() {
  # Debian starts what it installs; ours run from units of our own.
  for service in mosquitto caddy; do
    if systemctl is-active --quiet "$service"; then
      fail "$service.service runs here already: a server wants a machine of its own, or end it first"
    fi
    systemctl mask --quiet "$service.service"
  done
  export DEBIAN_FRONTEND=noninteractive
  missing=""
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  echo "Installing$missing"
  apt-get update -qq
  # shellcheck disable=SC2086 # each word is a package
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

make_users_and_folders() {
  id skolro >/dev/null 2>&1 || useradd --system --user-group --home-dir /var/lib/skolro skolro
  install -d -m 0700 -o skolro -g skolro /var/lib/skolro "$copies"
  install -d -m 0755 /etc/skolro "$home" "$home/releases"
}

make_release() { # FOLDER
  echo "Installing Skolro in $1"
  pip="$1/bin/pip --quiet --disable-pip-version-check"
  python3 -m venv "$1"
  $pip install --require-hashes --only-binary :all: --requirement "$source/requirements/server.lock"
  # Nodes' cards get this wheel, too.
  $pip wheel --no-deps --no-build-isolation --wheel-dir "$1/dist" "$source"
  $pip install --no-deps "$1"/dist/*.whl
  "$1/bin/python" -m compileall -q "$1/lib"
  "$1/bin/skolro" --version
}

units_of() { # FOLDER
  "$1/bin/python" -c 'import deploy, pathlib; print(pathlib.Path(deploy.__file__).parent / "systemd")'
}

use() { # FOLDER: from now on
  ln -sfn "$1" "$home/current.part"
  mv -T "$home/current.part" "$home/current"
  ln -sfn "$home/current/bin" "$home/bin"
  ln -sfn "$home/bin/skolro" /usr/local/bin/skolro
  units=$(units_of "$1")
  # The others are a node's. An older version has fewer.
  for unit in broker proxy collector backup prune renew reload; do
    for file in "$units/skolro-$unit".*; do
      [ ! -f "$file" ] || install -m 0644 "$file" /etc/systemd/system/
    done
  done
  systemctl daemon-reload
}

start_collector() {
  # It tells systemd when it is ready; and it must stay so.
  systemctl restart skolro-collector || return 1
  sleep 5
  systemctl is-active --quiet skolro-collector
}

as_skolro() {
  (cd /var/lib/skolro && runuser -u skolro -- "$@")
}

install_first() { # FOLDER OPTION...
  release=$1
  shift
  "$release/bin/skolro" server init "$@"
  use "$release"
  # shellcheck disable=SC2086 # each word is a unit
  systemctl enable --quiet $services $timers
  systemctl restart skolro-broker skolro-proxy
  start_collector || fail "the collector does not start: journalctl -u skolro-collector says why"
  # shellcheck disable=SC2086
  systemctl start $timers
}

upgrade() { # FOLDER
  old=$(readlink -f "$home/current")
  copy="$copies/before-$(basename "$1").copy"
  echo "Upgrading from $(basename "$old"); nodes keep what they measure meanwhile"
  systemctl stop skolro-collector
  if as_skolro "$old/bin/skolro" collector backup "$copy" --config "$config" &&
    as_skolro "$1/bin/skolro" collector migrate --no-backup --config "$config" &&
    use "$1" && start_collector; then
    # Those that came with this version, too.
    # shellcheck disable=SC2086 # each word is a unit
    systemctl enable --quiet --now $timers
    echo "Upgraded. The ledger as it was before is in $copy."
    return 0
  fi
  echo "Going back to $(basename "$old")" >&2
  systemctl stop skolro-collector || true
  use "$old"
  if [ -f "$copy" ]; then
    as_skolro "$old/bin/skolro" collector restore "$copy" --replace --config "$config"
  fi
  start_collector || fail "neither version starts: journalctl -u skolro-collector says why"
  fail "the new version did not start and the old one runs again: journalctl -u skolro-collector"
}

keep_three_releases() {
  for folder in $(find "$home/releases" -mindepth 1 -maxdepth 1 -type d | sort -r | tail -n +4); do
    [ "$folder" = "$(readlink -f "$home/current")" ] || rm -rf "$folder"
  done
}

packages="python3 python3-venv mosquitto caddy"
influxdb=""
if [ "${1:-}" = --with-influxdb ]; then
  shift
  packages="$packages influxdb"
  influxdb="--influxdb http://127.0.0.1:8086"
fi
case "${1:-}" in
  -h | --help)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
require_debian
first=""
[ -L "$home/current" ] || first=yes
[ -z "$first" ] || [ $# -gt 0 ] || fail "a new server needs --name HOST --municipality NAME"
# shellcheck disable=SC2086 # each word is a package
install_packages $packages
make_users_and_folders
release="$home/releases/$(date -u +%Y%m%dT%H%M%SZ)"
trap '[ "$(readlink -f "$home/current")" = "$release" ] || rm -rf "$release"' EXIT
make_release "$release"
if [ -n "$first" ]; then
  # shellcheck disable=SC2086 # an option and its value
  install_first "$release" $influxdb "$@"
else
  upgrade "$release"
fi
keep_three_releases

cat <<END

The server runs: systemctl status $services
Next, each with --config $config:
  skolro site add ID --name NAME         a school
  skolro node add NODE --site ID         a node, then its card: skolro node image NODE --out DIR
  skolro collector user add NAME --role ROLE
Copy $copies to another machine every night, and once to a safe place
authority, evidence and fleet.key of /etc/skolro.
END
