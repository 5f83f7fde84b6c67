#!/bin/sh
# Puts the broker's files where mosquitto may read them when it is root no longer, then becomes it.
set -eu
umask 077
files=/mosquitto/data/tls
mkdir -p "$files"
cp /mosquitto/config/* "$files/"
chown -R mosquitto /mosquitto/data
exec mosquitto -c "$files/mosquitto.conf"
