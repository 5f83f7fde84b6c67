#!/bin/sh
# A copy of the ledger and its retention, every night at 02:40 by TZ: what timers do where there is
# systemd. A first copy is made at once where there is none of the last day.
# usage: nightly.sh [CONFIG] [FOLDER]
set -u

config=${1:-/etc/skolro/collector.toml}
folder=${2:-/var/lib/skolro-backup}

night() {
  # What fails tonight is tried tomorrow; the log says what it was, and the health check that it was.
  skolro collector backup "$folder" --keep 14 --config "$config"
  skolro collector prune --config "$config"
}

waiting=
trap '[ -z "$waiting" ] || kill "$waiting"; exit 0' TERM INT
find "$folder" -name 'ledger-*' -mmin -1440 | grep -q . || night
while :; do
  next=$(date -d 'today 02:40' +%s)
  now=$(date +%s)
  [ "$next" -gt "$now" ] || next=$(date -d 'tomorrow 02:40' +%s)
  # Waited for, so that a signal ends it at once.
  sleep $((next - now)) &
  waiting=$!
  wait "$waiting"
  waiting=
  night
done
