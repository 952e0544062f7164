import { defineConfig } from '@playwright/test';
import type { PluginOptions } from '@grafana/plugin-e2e';

/** For the Grafana that docker-compose.yml starts: whoever opens it is its admin, so nobody signs in. */
export default defineConfig<PluginOptions>({
  testDir: import.meta.dirname,
  timeout: 60_000,
  workers: 1,
  reporter: 'list',
  outputDir: '/tmp/playwright',
  use: {
    baseURL: process.env['GRAFANA_URL'] ?? 'http://localhost:3000',
    provisioningRootDir: 'provisioning/grafana',
    screenshot: 'only-on-failure',
  },
});
