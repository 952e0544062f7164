import type { Key } from 'lowtide/api';
import type { BackupRun, Schedule } from '../api/answers.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFor } from '../format/format.ts';
import { fleet } from '../hosts/hosts.testdata.ts';
import { now, runOf, scheduleOf, without } from '../timeline/tide.testdata.ts';
import { toEnglish, toSpanish } from '../words/words.testdata.ts';
import { say } from '../words/words.ts';
import { overviewOf, type Overview, type OverviewAnswers } from './overview.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const iso = (at: number): string => new Date(at).toISOString();
const english = formatFor({ language: 'en', timezone: 'Europe/Madrid' });

function keyOf(change: Partial<Key> = {}): Key {
  return {
    id: 'k1',
    recipient: 'age1',
    state: 'active',
    createdAt: iso(now - 30 * dayMs),
    origin: 'generated',
    purpose: 'backup',
    backups: 10,
    copies: 10,
    bytes: 1e9,
    ...change,
  };
}

function look(change: Partial<OverviewAnswers>): Overview {
  return overviewOf(
    { status: { checks: [] }, schedules: [scheduleOf('db-prod')], runs: [], keys: [keyOf()], ...change },
    now,
  );
}

const sentence = (overview: Overview): string => say(overview.sentence, toEnglish, english);
const list = ({ findings }: Overview): string[] =>
  findings.map(({ severity, message }) => `${severity}: ${say(message, toEnglish, english)}`);
const failed = (schedule: string): BackupRun =>
  runOf(schedule, now - hourMs, {
    status: 'failed',
    error: { code: 'source_unreachable', message: 'cannot reach db', hint: 'look at its log' },
  });

describe('the verdict', () => {
  it('is safe where every schedule has a fresh backup and nothing is to be said', () => {
    const overview = look({
      schedules: [scheduleOf('a'), scheduleOf('b')],
      runs: [runOf('a', now - hourMs)],
    });
    expect(overview).toMatchObject({ verdict: 'safe', findings: [] });
    expect(sentence(overview)).toBe('All 2 schedules have a fresh backup.');
  });

  it('stays safe beside what is only to be known of', () => {
    const overview = look({ schedules: [scheduleOf('a', { paused: true })] });
    expect(overview.verdict).toBe('safe');
    expect(list(overview)).toEqual(['notice: a is paused.']);
  });

  it('names the schedules without a fresh backup, the weightiest first', () => {
    const old = { lastSuccessAt: iso(now - 3 * dayMs) };
    const never = without(scheduleOf('new', { priority: 'low' }), 'lastSuccessAt');
    const overview = look({
      schedules: [
        never,
        scheduleOf('ok'),
        scheduleOf('x', old),
        scheduleOf('db', { ...old, priority: 'critical' }),
      ],
    });
    expect(overview.verdict).toBe('atRisk');
    expect(sentence(overview)).toBe('3 schedules of 4 have no fresh backup: db, x, and new.');
    expect(say(overview.sentence, toSpanish, formatFor({ language: 'es', timezone: 'UTC' }))).toBe(
      '3 programaciones de 4 no tienen una copia reciente: db, x y new.',
    );
  });

  it('does not call backups safe that nothing makes', () => {
    expect(sentence(look({ schedules: [] }))).toBe('Nothing is backed up: there are no schedules.');
  });

  it('tells faults from things to look at', () => {
    const disk = { type: 'disk_space', ok: false, message: '2 % are free', hint: 'prune' };
    const broken = look({ status: { checks: [disk, { type: 'stores', ok: true, message: 'fine' }] } });
    expect(sentence(broken)).toBe('Backups are fresh, but one fault endangers the next ones.');
    expect(broken.findings).toMatchObject([{ about: { kind: 'check', id: 'disk_space' }, hint: 'prune' }]);
    const warned = look({ runs: [runOf('db-prod', now - hourMs, { warnings: ['one file vanished'] })] });
    expect(sentence(warned)).toBe('Backups are fresh, but one thing needs attention.');
    expect(list(warned)).toEqual([
      'attention: The last backup of db-prod came with a warning: one file vanished',
    ]);
  });
});

describe('a schedule', () => {
  const of = (change: Partial<Schedule>, runs: readonly BackupRun[] = []): string[] =>
    list(look({ schedules: [scheduleOf('a', change)], runs }));

  it('is overdue only after its interval, all its delay and the time a backup takes', () => {
    // 24 h + 6 h + 45 min
    const limit = 30.75 * hourMs;
    expect(of({ lastSuccessAt: iso(now - limit) })).toEqual([]);
    expect(of({ lastSuccessAt: iso(now - limit - 20 * 60_000) })).toEqual([
      'atRisk: a is 20 min overdue; its last backup is from Fri, Mar 27, 05:55.',
    ]);
  });

  it('that is overdue tells why where its last run failed', () => {
    const overview = look({
      schedules: [scheduleOf('a', { lastSuccessAt: iso(now - 40 * hourMs) })],
      runs: [failed('a')],
    });
    expect(list(overview)[0]).toMatch(/^atRisk: a is 9 hr 15 min overdue; .*: cannot reach db$/);
    expect(overview.findings[0]?.hint).toBe('look at its log');
  });

  it('with a pattern of cron is judged by its next start and its last run', () => {
    const monthly = scheduleOf('a', { cron: '0 2 1 * *' });
    const month = { ...without(monthly, 'everySeconds'), lastSuccessAt: iso(now - 28 * dayMs) };
    expect(list(look({ schedules: [month] }))).toEqual([]);
    expect(list(look({ schedules: [{ ...month, nextRunAt: iso(now - 8 * hourMs) }] }))).toEqual([
      'broken: a should have started 2 hours ago at the latest.',
    ]);
  });

  it('whose last run failed is broken while its backup is fresh, and well after the next success', () => {
    expect(of({}, [failed('a')])).toEqual(['broken: The last run of a failed: cannot reach db']);
    expect(of({}, [runOf('a', now - hourMs / 2), failed('a')])).toEqual([]);
    expect(of({}, [failed('a'), runOf('a', now - hourMs / 2)])).toEqual([]);
  });

  it('is not better off for a run that was cancelled after a failed one', () => {
    const cancelled = runOf('a', now - hourMs / 2, { status: 'cancelled' });
    expect(of({}, [cancelled, failed('a')])).toEqual(['broken: The last run of a failed: cannot reach db']);
    expect(of({}, [cancelled])).toEqual(['notice: The last run of a was cancelled.']);
  });

  it('that runs far longer than usual is to be looked at', () => {
    const running = runOf('a', now - 3 * hourMs, { status: 'running' });
    expect(of({}, [running])).toEqual(['attention: a has been running for 3 hr; it usually takes 45 min.']);
    expect(of({}, [runOf('a', now - 2 * hourMs, { status: 'running' })])).toEqual([]);
  });

  it('that is paused is not expected to start, but its backup still grows old', () => {
    const past = { paused: true, nextRunAt: iso(now - 8 * hourMs) };
    expect(of(past)).toEqual(['notice: a is paused.']);
    expect(of({ ...past, lastSuccessAt: iso(now - 9 * dayMs) })[0]).toMatch(/^atRisk: a is 7 days/);
  });
});

describe('several hosts', () => {
  it('have schedules of the same name, each judged by its own runs and called by its host', () => {
    const [here, there] = [
      { ...scheduleOf('docs'), host: 'db1' },
      { ...scheduleOf('docs'), host: 'db2' },
    ];
    const overview = look({ schedules: [here, there], runs: [{ ...failed('docs'), host: 'db2' }] });
    expect(list(overview)).toEqual(['broken: The last run of docs (db2) failed: cannot reach db']);
  });

  it('are at risk where one of them is silent', () => {
    const overview = look({ hosts: fleet });
    expect(overview.verdict).toBe('broken');
    expect(list(overview)).toEqual([
      'broken: db3 is silent: it was last heard of 5 minutes ago, and whether its backups are made is not known.',
    ]);
  });
});

describe('keys', () => {
  it('are missing, too old, or still needed', () => {
    expect(list(look({ keys: [] }))).toEqual(['broken: There is no active key: nothing can be encrypted.']);
    expect(list(look({ keyMaxAgeSeconds: 20 * 86_400 }))).toEqual([
      'attention: Key k1 is 30 days old; the policy is 20 days.',
    ]);
    const retiring = keyOf({ id: 'k0', state: 'retiring', backups: 1 });
    expect(list(look({ keys: [keyOf(), retiring] }))).toEqual([
      'notice: One backup still needs the retiring key k0.',
    ]);
  });
});

describe('all that can be answered', () => {
  const past = fc.integer({ min: 0, max: 40 * 24 }).map((hours) => iso(now - hours * hourMs));
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const schedule = fc
    .record({
      priority: fc.constantFrom('critical', 'high', 'medium', 'low'),
      paused: fc.boolean(),
      lastSuccessAt: optional(past),
      nextRunAt: optional(past),
      everySeconds: optional(fc.constant(86_400)),
    })
    .map((change) => {
      const absent = (['lastSuccessAt', 'nextRunAt', 'everySeconds'] as const).filter(
        (name) => change[name] === undefined,
      );
      return without({ ...scheduleOf('s'), ...change }, ...absent);
    });
  const run = fc
    .record({
      start: fc.integer({ min: 0, max: 100 }),
      status: fc.constantFrom('running', 'completed', 'failed', 'cancelled', 'interrupted'),
      warnings: fc.array(fc.constant('odd'), { maxLength: 1 }),
      of: fc.nat(5),
    } as const)
    .map(({ start, of, ...change }) => runOf(`s${of}`, now - start * hourMs, change));
  const key = fc
    .record({
      state: fc.constantFrom('active', 'retiring', 'retired', 'destroyed'),
      createdAt: past,
      backups: fc.nat(3),
    } as const)
    .map(keyOf);
  const answers = fc
    .record({
      schedules: fc.array(schedule, { maxLength: 5 }),
      runs: fc.uniqueArray(run, { maxLength: 12, selector: ({ startedAt }) => startedAt }),
      keys: fc.array(key, { maxLength: 3 }),
      checks: fc.array(fc.record({ ok: fc.boolean() }), { maxLength: 3 }),
    })
    .map(({ schedules, runs, keys, checks }) => ({
      schedules: schedules.map((one, index) => ({ ...one, id: `s${index}` })),
      runs,
      keys: keys.map((one, index) => ({ ...one, id: `k${index}` })),
      status: { checks: checks.map(({ ok }, index) => ({ ok, type: `c${index}`, message: 'm' })) },
      keyMaxAgeSeconds: 20 * 86_400,
    }));
  const reversed = (given: OverviewAnswers): OverviewAnswers => ({
    ...given,
    status: { checks: [...given.status.checks].reverse() },
    schedules: [...given.schedules].reverse(),
    runs: [...given.runs].reverse(),
    keys: [...given.keys].reverse(),
  });

  it('gives the same order in whatever order it comes', () => {
    fc.assert(
      fc.property(answers, (given) => {
        expect(overviewOf(reversed(given), now)).toEqual(overviewOf(given, now));
      }),
    );
  });

  it('gives a verdict that is the worst of the list', () => {
    fc.assert(
      fc.property(answers, (given) => {
        const { verdict, findings } = overviewOf(given, now);
        const worst = findings[0]?.severity ?? 'notice';
        const expected = worst === 'notice' ? 'safe' : worst;
        expect(verdict).toBe(given.schedules.length === 0 ? 'nothing' : expected);
      }),
    );
  });

  it('can be said in both languages without a gap', () => {
    const spanish = formatFor({ language: 'es', timezone: 'UTC' });
    fc.assert(
      fc.property(answers, (given) => {
        const { sentence: verdict, findings } = overviewOf(given, now);
        for (const message of [verdict, ...findings.map((finding) => finding.message)]) {
          expect(say(message, toEnglish, english)).not.toMatch(/\{\{|^overview\./);
          expect(say(message, toSpanish, spanish)).not.toMatch(/\{\{|^overview\./);
        }
      }),
    );
  });
});
