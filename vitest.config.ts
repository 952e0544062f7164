import { defineConfig } from 'vitest/config';

/** Two projects: `unit` needs no process and no server; `integration` starts real ones and shares two cores. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['exporter/src/**/*.test.ts', 'grafana-plugin/src/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
