#!/bin/sh
# Runs the specs in a container that has browsers and nothing of Lowtide. Versions are those of package.json at the root.
set -eu
version() { node -p "require('/source/package.json').devDependencies['$1']"; }
mkdir /tmp/specs
cp /source/test/stack/grafana/*.ts /tmp/specs
cd /tmp/specs
echo '{ "private": true, "type": "module" }' >package.json
npm install --no-audit --no-fund "@grafana/plugin-e2e@$(version @grafana/plugin-e2e)" "@playwright/test@$(version @playwright/test)"
exec npx playwright test
