#!/bin/bash
# Runs once, at InfluxDB's first start: the buckets beside the first one, their names in InfluxQL
# ("database"."retention policy"), and a user that may only read, for Grafana.
set -euo pipefail
bucket=$DOCKER_INFLUXDB_INIT_BUCKET
org=$DOCKER_INFLUXDB_INIT_ORG

id_of() {
  influx bucket list --org "$org" --name "$1" --hide-headers | cut -f 1
}

influx bucket create --org "$org" --name "$bucket/seconds" \
  --retention 30d --shard-group-duration 1d
influx bucket create --org "$org" --name "$bucket/hours" \
  --retention 0 --shard-group-duration 520w

influx v1 dbrp create --org "$org" --db "$bucket" --rp autogen \
  --bucket-id "$(id_of "$bucket")" --default
for policy in seconds hours; do
  influx v1 dbrp create --org "$org" --db "$bucket" --rp "$policy" \
    --bucket-id "$(id_of "$bucket/$policy")"
done

influx v1 auth create --org "$org" --username grafana \
  --password "$(cat /run/secrets/influxdb_reader_password)" \
  --read-bucket "$(id_of "$bucket")" \
  --read-bucket "$(id_of "$bucket/seconds")" \
  --read-bucket "$(id_of "$bucket/hours")"
