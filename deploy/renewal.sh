#!/bin/sh
# New certificates for broker and collector before theirs end, looked for once a day: what a timer
# does where there is systemd.
# usage: renewal.sh [FOLDER]
set -u

waiting=
trap '[ -z "$waiting" ] || kill "$waiting"; exit 0' TERM INT
while :; do
  # The health check sees when it was done last; the log says why it was not.
  skolro server renew --due "${1:-/etc/skolro}" && touch /tmp/looked
  # Waited for, so that a signal ends it at once.
  sleep 86400 &
  waiting=$!
  wait "$waiting"
  waiting=
done
