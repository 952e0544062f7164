#!/bin/sh
# Starts the S3 server: its bucket is a folder, and it takes its keys from variables alone.
set -eu
mkdir -p /data/lowtide
ROOT_ACCESS_KEY=$(cat /run/s3/access-key)
ROOT_SECRET_KEY=$(cat /run/s3/secret-key)
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
exec versitygw --port :7070 --health /_health posix /data
