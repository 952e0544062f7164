import { spawnSync } from 'node:child_process';
import { afterEach, expect, it } from 'vitest';
import type { LoadRecord } from '../../exporter/src/load/load.ts';
import { TestInstallation } from '../servers/installation.ts';
import { program } from '../servers/programs.ts';
import { TestService, tokens } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');
const step = 300_000;
const hour = 3_600_000;
const day = 24 * hour;

const installations: TestInstallation[] = [];
afterEach(async () => {
  await Promise.all(installations.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

/** A host that has been quiet from half past four to half past five for 30 days. */
async function installation(schedules: string, more?: string): Promise<TestInstallation> {
  const made = await TestInstallation.make(schedules, more === undefined ? {} : { more });
  installations.push(made);
  const now = Math.floor(Date.now() / step) * step;
  const records = Array.from({ length: (30 * day) / step }, (_, index): LoadRecord => {
    const at = now - 30 * day + index * step;
    const time = (at % day) / hour;
    return { at, cpu: time >= 4.5 && time < 5.5 ? 0.1 : 0.4, memory: 0.2, disk: NaN };
  });
  await made.opened.catalog.load.record(records, 'coarse');
  return made;
}

function plan({ configFile }: TestInstallation, ...args: string[]) {
  const env = { ...process.env, TZ: 'UTC' };
  return spawnSync(process.execPath, [main, 'plan', ...args, '--config', configFile], {
    encoding: 'utf8',
    env,
  });
}

const common = 'source: { type: command, argv: [date] }, stores: [local], keep: { last: 3 }, timezone: UTC';
const nightly = `${common}, every: 1d, window: 00:00-08:00, estimated_duration: 1h`;
const half = 'resources: { cpu: 0.5, memory: 0.1 }';

it('lowtide plan SCHEDULE compares each start with the quietest and the next best, and says why not then', async () => {
  const one = await installation(
    `  - { id: first, ${nightly}, ${half}, priority: critical }
  - { id: second, ${nightly}, ${half}, priority: low }`,
  );
  const first = plan(one, 'first');
  expect(first).toMatchObject({ status: 0, stderr: expect.not.stringContaining('problem') as string });
  expect(first.stdout).toMatch(/^START {10}\S+ 04:30:00$/m);
  expect(first.stdout).toMatch(/^WHY THEN {7}quietest 1h of its window: cpu 0\.1\d, memory 0\.20$/m);
  expect(first.stdout).toMatch(/^WINDOW {9}\S+ 00:00:00 to \S+ 08:00:00$/m);
  expect(first.stdout).toMatch(/^ {2}\S+ 04:30:00 +1\d % +1\d % +20 % {3}planned: the quietest$/m);
  expect(first.stdout).toMatch(
    /^ {2}\S+ \S+ +\d\d % +\d\d % +20 % {3}it is no quieter: \d\d % against 1\d %$/m,
  );

  const second = plan(one, 'second');
  expect(second.stdout).toMatch(
    /^ {2}\S+ 04:30:00 +1\d % +1\d % +20 % {3}the quietest, but cpu is taken by 1 of higher priority$/m,
  );
  expect(second.stdout).not.toMatch(/^START {10}\S+ 04:30:00$/m);
  const json = JSON.parse(plan(one, 'second', '--json').stdout) as { schedule: string }[];
  expect(new Set(json.map(({ schedule }) => schedule))).toEqual(new Set(['second']));
});

it('lowtide plan ends with 3 where a backup that has a start will be skipped or missed, and with 0 where it is made', async () => {
  const noon = `${common}, cron: '0 12 * * *', max_delay: 1h`;
  const mark = 'load: { high_water: { cpu: 0.3 } }';
  const skipped = plan(await installation(`  - { id: db, ${noon}, on_deadline: skip }`, mark));
  expect(skipped.stderr).toMatch(/^problem: db due \S+ 12:00:00: it will be skipped, .* busy/m);
  expect(skipped.status).toBe(3);
  const made = plan(await installation(`  - { id: db, ${noon} }`, mark));
  expect(made).toMatchObject({ status: 0, stderr: expect.not.stringContaining('problem') as string });

  const missed = plan(
    await installation(`  - { id: big, ${noon}, estimated_duration: 10m, resources: { cpu: 0.9, memory: 0.1 } }
  - { id: often, ${common}, every: 1m, max_delay: 1s, estimated_duration: 10s, resources: { cpu: 0.3, memory: 0.1 } }`),
  );
  expect(missed.stderr).toMatch(
    /^problem: often due \S+ [\d:]{8}: it and the \d+ behind it will be missed, /m,
  );
  expect(missed.status).toBe(3);
});

it('lowtide plan SCHEDULE tells all problems of a start, and those of the starts that it does not show', async () => {
  const noon = `${common}, cron: '0 12 * * *', max_delay: 1h`;
  const big = 'estimated_duration: 10m, resources: { cpu: 0.9, memory: 0.1 }';
  const one = await installation(
    `  - { id: big, ${noon}, ${big} }
  - { id: held, ${noon}, ${big}, on_deadline: skip }
  - { id: often, ${common}, every: 1m, max_delay: 1s, estimated_duration: 10s, resources: { cpu: 0.3, memory: 0.1 } }`,
    'load: { high_water: { cpu: 0.3 } }',
  );
  const held = plan(one, 'held');
  expect(held.stdout).toMatch(/^PROBLEM +it asks for cpu 0\.90, .*\nPROBLEM +it will be skipped, .* busy/m);
  expect(held.stderr).not.toContain('problem:');
  const often = plan(one, 'often');
  expect(often.status).toBe(3);
  // Just before noon the first of them is shown with its start.
  expect(`${often.stdout}${often.stderr}`).toMatch(
    /^(?:PROBLEM +|problem: often due \S+ [\d:]{8}: )it and the \d+ behind it will be missed, /m,
  );
  expect(often.stderr).toMatch(/^\d+ more within 48 hours/m);
  expect(plan(one, 'often', '--json').stderr).not.toContain('more within');
});

it('lowtide plan SCHEDULE shows the quietest start also where that is close to the one that is planned', async () => {
  const early = `${common}, cron: '30 4 * * *', max_delay: 1m, estimated_duration: 10m`;
  const one = await installation(
    `  - { id: early, ${early}, resources: { cpu: 0.6, memory: 0.1 }, priority: critical }
  - { id: long, ${nightly.replace('1h', '2h')}, ${half}, priority: low }`,
  );
  const { stdout } = plan(one, 'long');
  expect(stdout).toMatch(/^START {10}\S+ 04:40:00$/m);
  expect(stdout).toMatch(
    /^ {2}\S+ 0[34]:\d\d:00 .* the quietest, but cpu is taken by 1 of higher priority$/m,
  );
});

it('lowtide plan SCHEDULE compares nothing where there is no other start, or nothing is known', async () => {
  // What is due every minute is not planned at all.
  const only = `every: 1h, max_delay: 10s, estimated_duration: 10s, resources: { cpu: 0.01, memory: 0.01 }`;
  const schedules = `  - { id: only, ${common}, ${only} }
  - { id: often, ${common}, ${only.replace('1h', '1m')} }
  - { id: docs, ${nightly} }`;
  const one = await installation(schedules);
  for (const schedule of ['only', 'often']) {
    const { stdout } = plan(one, schedule, '--hours', '2');
    expect(stdout).toMatch(/^LOAD {11}\d\d % \(cpu \d\d %, memory 20 %\)$/m);
    expect(stdout).not.toContain('WHY NOT THEN');
  }

  await using unknown = await TestInstallation.make(schedules);
  for (const schedule of ['only', 'often', 'docs']) {
    const { stdout } = plan(unknown, schedule);
    expect(stdout).toMatch(/^LOAD {11}too little is known of it yet$/m);
    expect(stdout).not.toContain('WHY NOT THEN');
  }
});

it('lowtide plan says of a load of which nothing is known that it is not, in words and in JSON', async () => {
  const fixed = `${common}, every: 1d, cron: '30 4 * * *', max_delay: 10s, estimated_duration: 1h, ${half}`;
  const schedules = `  - { id: fixed, ${fixed.replace('every: 1d, ', '')} }
  - { id: docs, ${nightly} }`;
  await using unknown = await TestInstallation.make(schedules);
  expect(plan(unknown, 'fixed').stdout).toMatch(
    /^WHY THEN {7}it may start at no other time; nothing is known of the load yet$/m,
  );
  const slots = JSON.parse(plan(unknown, '--json').stdout) as Record<string, unknown>[];
  expect(slots.length).toBeGreaterThan(2);
  for (const slot of slots) {
    expect(Object.keys(slot)).toEqual(expect.not.arrayContaining(['forecast', 'best']));
    expect(JSON.stringify(slot['alternatives'])).not.toMatch(/forecast|%/);
  }

  // As of a host whose Prometheus tells of processors alone.
  const { catalog } = unknown.opened;
  const now = Math.floor(Date.now() / step) * step;
  const half24 = (at: number): number => (at % day < 12 * hour ? 0.25 : 0.5);
  await catalog.load.record(
    Array.from({ length: (9 * day) / step }, (_, index): LoadRecord => {
      const at = now - 9 * day + index * step;
      return { at, cpu: half24(at), memory: NaN, disk: NaN };
    }),
    'coarse',
  );
  const docs = plan(unknown, 'docs').stdout;
  expect(docs).toMatch(/^WHY THEN .*: cpu 0\.\d\d, memory not known$/m);
  expect(docs).toMatch(/^ {2}\S+ \S+ +(\d\d %) +\1 +\? {3}planned/m);
  const [slot] = JSON.parse(plan(unknown, 'docs', '--json').stdout) as { forecast: unknown }[];
  expect(slot?.forecast).toEqual({ cpu: expect.closeTo(0.25, 1) as number });
});

it('lowtide plan SCHEDULE tells what holds a start up, and of one that is paused that it is', async () => {
  const one = await installation(
    `  - { id: often, ${common}, every: 1d, window: 00:00-23:59, max_delay: 1h }
  - { id: other, ${nightly} }`,
  );
  const { catalog } = one.opened;
  const now = Date.now();
  // As of a service that has looked at the host and let it wait, now and a day before.
  await catalog.settleUpTo('often', now - 1.5 * day);
  for (const at of [now - day, now]) {
    await catalog.append({ name: 'run:deferred', schedule: 'other', reason: 'cpu' }, at);
    await catalog.append({ name: 'run:deferred', schedule: 'often', reason: 'memory' }, at);
  }
  const { stdout } = plan(one, 'often');
  expect(stdout.match(/^HELD UP .*$/gm)).toEqual([
    expect.stringMatching(/^HELD UP {8}\S+ \S+: the memory is above load\.high_water$/),
  ]);
  await catalog.setPaused('often', true);
  expect(plan(one, 'often')).toMatchObject({ status: 0, stdout: 'often is paused.\n' });
});

it('lowtide plan of one hour says that nothing is due within 1 hour, and what is left of it', async () => {
  const one = await installation(
    `  - { id: often, ${common}, every: 5m, max_delay: 1m, estimated_duration: 10s, resources: { cpu: 0.01, memory: 0.01 } }
  - { id: docs, ${common}, every: 7d, window: 00:00-08:00 }`,
  );
  await one.opened.catalog.settleUpTo('docs', Date.now());
  expect(plan(one, 'docs', '--hours', '1').stdout).toBe('Nothing is due within 1 hour.\n');
  expect(plan(one, '--hours', '1').stderr).toMatch(/^\d+ more within 1 hour; of each schedule/m);
  expect(plan(one, '--hours', '2').stderr).toMatch(/^\d+ more within 2 hours; of each schedule/m);
});

it('lowtide plan SCHEDULE says of an occurrence without a start why it has none', async () => {
  const whole = 'estimated_duration: 2h, resources: { cpu: 0.9, memory: 0.7 }, every: 1h, max_delay: 5m';
  const one = await installation(
    `  - { id: crowd, ${common}, ${whole}, priority: low }
  - { id: other, ${nightly}, ${half}, priority: critical }`,
  );
  const crowd = plan(one, 'crowd', '--hours', '6', '--all');
  expect(crowd.status).toBe(3);
  expect(crowd.stdout).toMatch(
    /^START {10}none: it will be missed, for the run before goes on until the next one is due: /m,
  );
  expect(crowd.stdout).toMatch(/^PROBLEM {8}it asks for cpu 0\.90, and in its window the host has at most/m);
  expect(crowd.stderr).not.toContain('problem:');
  const due = [...crowd.stdout.matchAll(/^DUE {12}(.+)$/gm)].map(([, at]) => at);
  expect(due).toEqual(due.toSorted());
  expect(plan(one, 'crowd', '--hours', '6', '--json').stderr).toMatch(
    /^problem: crowd due .*it will be missed/m,
  );
  expect(plan(one, 'other', '--json').status).toBe(0);
});

it('what will find the host too busy up to its deadline, and is skipped then, is told by lowtide plan and by the API', async () => {
  const skips = (window: string): string =>
    `${nightly.replace('00:00-08:00', window)}, max_delay: 1m, on_deadline: skip`;
  const one = await installation(
    `  - { id: waits, ${skips('06:00-08:00')} }
  - { id: finds, ${skips('04:00-08:00')} }
  - { id: runs, ${nightly.replace('00:00', '06:00')} }`,
    `${tokens}\nload: { sample_interval: 7d, high_water: { cpu: 0.3, memory: 0.9, disk: 1 } }`,
  );
  const text =
    /^it will be skipped, for the host is forecast to be busy up to its latest start: cpu at 0\.\d\d or more, and above its high_water of 0\.3 it does not start$/;
  const told = plan(one, '--hours', '24');
  const problems = [...told.stderr.matchAll(/^problem: (\w+) due \S+ \S+: (.*)$/gm)];
  // In these two hours, today's and tomorrow's.
  expect(new Set(problems.map(([, schedule]) => schedule))).toEqual(new Set(['waits']));
  expect(problems[0]?.[2]).toMatch(text);
  expect(plan(one, 'waits', '--hours', '24').stdout).toMatch(/^PROBLEM {8}it will be skipped/m);

  await using service = await TestService.over(one);
  const { body } = await service.call('/plan?hours=24');
  const [problem, ...others] = body['problems'] as readonly Record<string, unknown>[];
  expect(problem).toEqual({
    ...{ host: 'test', schedule: 'waits' },
    ...{ dueAt: expect.any(String) as string, start: expect.any(String) as string },
    reason: { code: 'busy', text: expect.stringMatching(text) as string },
  });
  expect(others.every(({ schedule }) => schedule === 'waits')).toBe(true);
});

it('lowtide plan SCHEDULE is wrong usage for one that is not there, and beside --replay', async () => {
  const one = await installation(`  - { id: docs, ${nightly} }`);
  expect(plan(one, 'dosc')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(
      /^lowtide: there is no schedule dosc\nhint: The config has: docs\.$/m,
    ) as string,
  });
  expect(plan(one, 'docs', '--replay', '14d').status).toBe(2);
  expect(plan(one, '--host', 'db1')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--host goes with --replay') as string,
  });
  expect(plan(one, 'docs', '--hours', '744').status).toBe(0);
  expect(plan(one, 'docs', '--hours', '745')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('It must be at most 744, a month.') as string,
  });
});
