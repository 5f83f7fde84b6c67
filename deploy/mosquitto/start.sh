#!/bin/sh
# Puts the broker's files where mosquitto may read them when it is root no longer, then becomes it.
# What is written anew is taken up while it runs: its configuration is written last.
set -eu
umask 077
files=/mosquitto/data/tls

take() {
  cp /mosquitto/config/* "$files/"
  chown -R mosquitto /mosquitto/data
}

watch() { # PROCESS: until it is gone
  while kill -0 "$1" 2>/dev/null; do
    sleep 5
    if find /mosquitto/config/mosquitto.conf -newer "$files/mosquitto.conf" | grep -q .; then
      take
      kill -HUP "$1"
    fi
  done
}

mkdir -p "$files"
take
watch $$ &
exec mosquitto -c "$files/mosquitto.conf"
