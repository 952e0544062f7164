import { z } from 'zod';
import { duration, interval, labelMatchers, name, ratio } from './scalars.ts';

/** The part of `lowtide.yaml` that tells when a host is quiet; see schema.ts. */

const expression = z.string().min(1).optional();

const access = {
  url: z
    .url({ protocol: /^https?$/, error: 'is no address: write http://HOST:9090' })
    .describe('the address of the Prometheus, with user and password where it wants them'),
  bearer_token: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'sent with each query, best given by ${file:}', writeOnly: true }),
};

const historySchema = z
  .strictObject({
    ...access,
    matchers: labelMatchers('instance="db1:9100"')
      .prefault('')
      .describe("the labels of this host's node_exporter; empty: there is but one"),
    queries: z
      .strictObject({
        cpu: expression.describe('share of the processors in use'),
        memory: expression.describe('share of the memory in use'),
        disk: expression.describe('share of the time in which the busiest disk is busy'),
      })
      .prefault({})
      .describe("PromQL that gives one series from 0 to 1; absent: node_exporter's"),
    days: z.int().min(1).max(92).default(28).describe('how far back is asked for at the start'),
    timeout: duration.prefault('30s').describe('for one query'),
  })
  .describe('a Prometheus that knows this host');

const hostSchema = z
  .strictObject({
    prometheus: historySchema.describe('a Prometheus that knows that host'),
    high_water: z
      .strictObject({
        cpu: ratio.default(0.75).describe('share of its processors in use'),
        memory: ratio.default(0.9).describe('share of its memory in use'),
        disk: ratio.default(0.8).describe('share of the time in which its busiest disk is busy'),
      })
      .prefault({})
      .describe('above these a backup of that host that has time left waits'),
  })
  .describe('another host, as that of a database');

const alertsSchema = z
  .strictObject({
    ...access,
    matchers: labelMatchers('instance="db1:9100",severity="critical"')
      .prefault('')
      .describe('the labels of the alerts that count; empty: every alert'),
    timeout: duration.prefault('10s').describe('for one query'),
  })
  .describe('a Prometheus that knows of alerts');

/** Pressure stall information of the kernel: https://docs.kernel.org/accounting/psi.html. */
const pressureSchema = (cpu: number, memory: number, disk: number) =>
  z
    .strictObject({
      cpu: ratio.default(cpu).describe('for the processors'),
      memory: ratio.default(memory).describe('for memory'),
      disk: ratio.default(disk).describe('for the disk (io)'),
    })
    .prefault({});

export const loadSchema = z
  .strictObject({
    sample_interval: interval.prefault('15s').describe('how often the load of this host is measured'),
    high_water: z
      .strictObject({
        cpu: ratio.default(0.75).describe('share of the processors in use'),
        memory: ratio.default(0.9).describe('share of the memory in use'),
        disk: ratio.default(0.8).describe('share of the time in which the busiest disk is busy'),
        pressure: pressureSchema(0.5, 0.1, 0.4).describe(
          "share of the last ten seconds, or of the last minute, in which some work waited, as the kernel's /proc/pressure tells",
        ),
      })
      .prefault({})
      .describe('do not start: above these a backup that has time left waits'),
    slow_down: z
      .strictObject({
        cpu: ratio
          .default(0.85)
          .describe("share of the processors in use, without what Lowtide's own runs take"),
        pressure: pressureSchema(0.6, 0.2, 0.5).describe(
          'share of the time in which some work waited while Lowtide was stopped',
        ),
      })
      .prefault({})
      .describe('slow down: above these a backup that is under way is stopped in short turns'),
    history: z
      .strictObject({ prometheus: historySchema })
      .optional()
      .describe('where the load of this host is known from: weeks of it on the first day'),
    hosts: z
      .record(name, hostSchema)
      .default({})
      .describe(
        'other hosts by name, whose quiet hours count for the schedules that name them (host): those of remote databases',
      ),
    alerts: z
      .strictObject({ prometheus: alertsSchema })
      .optional()
      .describe(
        'while these alerts fire, backups of medium and low priority wait as long as they have time; absent: none does',
      ),
  })
  .prefault({})
  .describe('when the host is quiet');
