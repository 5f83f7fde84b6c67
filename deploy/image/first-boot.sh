#!/bin/sh
# Takes a node's files off the boot partition, which everybody can read who holds the card, and lets
# a service install the node once there is a network. Can be run again: what is done stays done.
# usage: first-boot.sh [ROOT]      ROOT is another root directory than /, for trying it out
set -eu

root="${1:-}"
card=$(cd "$(dirname "$0")" && pwd)
setup="$root/opt/skolro/setup"

if [ -z "$root" ]; then
  id skolro >/dev/null 2>&1 ||
    useradd --system --home-dir /var/lib/skolro --groups audio,dialout skolro
fi
own() { # who mode file...: only where there are users
  who=$1 mode=$2
  shift 2
  chmod "$mode" "$@"
  [ -n "$root" ] || chown "$who" "$@"
}

mkdir -p "$root/etc/skolro" "$root/etc/systemd/system" "$root/var/lib/skolro" "$setup"
own skolro:skolro 0700 "$root/var/lib/skolro"
for name in node.toml ca.pem client.pem client.key fleet.keys; do
  [ -f "$card/$name" ] || continue
  # A link: the node is installed, and what it runs with may be newer than what the card brought.
  [ ! -L "$root/etc/skolro/$name" ] || continue
  cp "$card/$name" "$root/etc/skolro/$name.part"
  own root:skolro 0640 "$root/etc/skolro/$name.part"
  mv "$root/etc/skolro/$name.part" "$root/etc/skolro/$name"
done
if [ -f "$card/enrolment.secret" ]; then
  cp "$card/enrolment.secret" "$root/var/lib/skolro/enrolment.secret"
  own skolro:skolro 0600 "$root/var/lib/skolro/enrolment.secret"
fi
# Lets a phone in for the first day, and where it was asked for, by a network of the node's own.
if [ -f "$card/commissioning.secret" ]; then
  mkdir -p "$root/var/lib/skolro/commissioning"
  cp "$card/commissioning.secret" "$root/var/lib/skolro/commissioning/opening.json"
  own skolro:skolro 0600 "$root/var/lib/skolro/commissioning/opening.json"
  own skolro:skolro 0700 "$root/var/lib/skolro/commissioning"
fi
if [ -f "$card/access-point.secret" ]; then
  mkdir -p "$root/etc/NetworkManager/system-connections"
  cp "$card/access-point.secret" "$root/etc/NetworkManager/system-connections/skolro-setup.nmconnection"
  own root:root 0600 "$root/etc/NetworkManager/system-connections/skolro-setup.nmconnection"
  if [ -z "$root" ]; then
    # The radio is off until a country is set.
    rfkill unblock wifi 2>/dev/null || true
    nmcli connection reload 2>/dev/null || true
  fi
fi
for file in "$card"/*.whl "$card"/*.lock "$card"/install-node.sh "$card"/read-only-root "$card"/*.service "$card"/*.path "$card"/*.timer; do
  [ ! -f "$file" ] || cp "$file" "$setup/"
done
sync
# Only now that all is safe on the other side.
rm -f "$card/client.key" "$card"/*.secret
sync

# Overlays for what is wired to the board hold from the next start on.
boot=$(dirname "$card")
restart=""
if [ -f "$boot/skolro.txt" ] && ! grep -qx "include skolro.txt" "$boot/config.txt"; then
  printf '\n[all]\ninclude skolro.txt\n' >> "$boot/config.txt"
  restart=yes
  sync
fi

cat > "$root/etc/systemd/system/skolro-setup.service" <<'UNIT'
[Unit]
Description=Skolro: install this node, as often as it takes
Wants=network-online.target
After=network-online.target
ConditionPathExists=!/opt/skolro/setup/done

[Service]
Type=oneshot
ExecStart=/bin/sh /opt/skolro/setup/install-node.sh
ExecStartPost=/usr/bin/touch /opt/skolro/setup/done
Restart=on-failure
RestartSec=60

[Install]
WantedBy=multi-user.target
UNIT
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable skolro-setup.service
  if [ -n "$restart" ]; then
    # In a minute, so that cloud-init comes to its end before.
    shutdown -r +1
  else
    # At Bookworm's first boot there is no network yet: it starts after the reboot.
    systemctl start --no-block skolro-setup.service || true
  fi
fi
