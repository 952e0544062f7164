#!/bin/sh
# Makes what the containers share in secret: 256 random bits each, once, shown nowhere. Every kind of container gets a folder with
# its own secrets alone; within these anyone may read them, since each image has a user of its own.
#
# make-secrets.sh LOWTIDE GRAFANA POSTGRES S3 FLEET-POSTGRES   (the folders of the secrets)
set -eu
umask 022
lowtide=$1 grafana=$2 postgres=$3 s3=$4 fleet_postgres=$5

make() {
  [ -s "$1" ] && return
  head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$1.new"
  chmod 0444 "$1.new"
  mv "$1.new" "$1"
}

# What two know is made for the exporter, and handed on.
share() {
  make "$lowtide/$1"
  [ -s "$2" ] && return
  cp "$lowtide/$1" "$2.new"
  chmod 0444 "$2.new"
  mv "$2.new" "$2"
}

make "$lowtide/keystore-passphrase"
make "$grafana/admin-password"
share grafana-token "$grafana/grafana-token"
share postgres-password "$postgres/password"
share s3-access-key "$s3/access-key"
share s3-secret-key "$s3/secret-key"
share fleet-postgres-password "$fleet_postgres/password"
