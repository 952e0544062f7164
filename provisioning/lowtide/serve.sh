#!/bin/sh
# Starts an exporter with a config (serve.sh [CONFIG]); the first time with a first key.
set -eu
config=${1:-/etc/lowtide/lowtide.yaml}
keys=$(lowtide keys --config "$config" --json)
[ "$keys" != '[]' ] || lowtide keys new --config "$config"
exec lowtide serve --config "$config" --log.format logfmt
