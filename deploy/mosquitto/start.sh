#!/bin/sh
# Makes mosquitto's password file from the secrets, then becomes mosquitto.
set -eu
umask 077
data=/mosquitto/data
{
  printf 'collector:%s\n' "$(cat /run/secrets/mqtt_collector_password)"
  tr -s ' ' '\n' < /run/secrets/mqtt_nodes
  echo
} | grep . > "$data/passwords"
mosquitto_passwd -U "$data/passwords"
cp /mosquitto/config/acl "$data/acl"
chown mosquitto "$data" "$data/passwords" "$data/acl"
exec mosquitto -c /mosquitto/config/mosquitto.conf
