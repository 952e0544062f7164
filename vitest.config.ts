import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/runners/longest-first.ts';

/** Several times what they take: a machine may be three times slower than the one on which they were written. */
const patience = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000, interval: 50 } },
};

/**
 * `unit` needs no process and no server; `components` renders the plugin in jsdom; `integration` starts real processes and
 * servers; `browser` opens the built plugin in Chromium. All share two cores.
 *
 * What starts processes and servers gets a second try: one in thousands of them meets a machine that stands still for a while.
 * The reporter marks it (`retry x1`), and a test that is marked twice has a fault to be found.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'exporter/src/**/*.test.ts',
            'grafana-plugin/src/**/*.test.ts',
            'dashboards/source/**/*.test.ts',
            'provisioning/source/**/*.test.ts',
          ],
          testTimeout: 20_000,
          // They leave nothing behind in their process, and a module is read once for all files of a worker.
          isolate: false,
          // By itself Vitest leaves one of the two cores idle.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**', '**/node_modules/**'],
          globalSetup: ['test/servers/templates.ts', 'test/servers/programs.ts'],
          ...patience,
          retry: 1,
          // Several hosts wait for each other's beats most of the time.
          maxWorkers: 4,
        },
      },
      {
        oxc: { jsx: { runtime: 'classic' } },
        test: {
          name: 'components',
          include: ['grafana-plugin/src/**/*.test.tsx'],
          environment: 'jsdom',
          setupFiles: ['grafana-plugin/test/browser-in-jsdom.ts'],
          testTimeout: 20_000,
          isolate: false,
          maxWorkers: 2,
          server: { deps: { inline: [/@grafana\//, /ol\//, /react-calendar/] } },
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          globalSetup: ['test/servers/templates.ts', 'test/servers/programs.ts', 'test/browser/prepare.ts'],
          ...patience,
          retry: 1,
          maxWorkers: 2,
        },
      },
    ],
  },
});
