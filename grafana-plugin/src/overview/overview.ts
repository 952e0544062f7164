import type { Host, Key, Status } from 'lowtide/api';
import type { BackupRun, Schedule } from '../api/answers.ts';
import type { EpochMs } from '../format/format.ts';
import { keyOf, silentOf } from '../hosts/hosts.ts';
import type { Message } from '../words/words.ts';
import { keyFindings } from './keys.ts';
import { scheduleFinding } from './schedules.ts';

/**
 * Whether every backup is safe, in one sentence, and what needs attention, the most urgent first. Both come from the
 * same findings, so that the sentence never says less than the list.
 */
export interface Overview {
  readonly verdict: Verdict;
  readonly sentence: Message;
  readonly findings: readonly Finding[];
}

/**
 * `atRisk`: a schedule has no fresh backup. `broken`: all have, but the next ones will fail or be late. `attention`: all is
 * well but for what should be looked at.
 */
export type Verdict = 'nothing' | 'safe' | 'attention' | 'broken' | 'atRisk';

export interface Finding {
  /** The worst first: no fresh backup, a fault, a thing to look at, a thing to know of. */
  readonly severity: Severity;
  readonly message: Message;
  /** What it is about, and where its link leads. */
  readonly about: { readonly kind: 'schedule' | 'key' | 'check' | 'host'; readonly id: string };
  /** What helps, in the exporter's words. */
  readonly hint?: string;
  /** Among those of one severity the heavier comes first. */
  readonly weight: number;
}

export type Severity = 'atRisk' | 'broken' | 'attention' | 'notice';

export interface OverviewAnswers {
  readonly status: Pick<Status, 'checks'>;
  readonly schedules: readonly Schedule[];
  /** The latest of each schedule at least, in any order. */
  readonly runs: readonly BackupRun[];
  readonly keys: readonly Key[];
  /** The age at which a key is to be rotated, where a policy says so. */
  readonly keyMaxAgeSeconds?: number;
  /** All of them, where there are several. */
  readonly hosts?: readonly Host[];
}

const severities: readonly Severity[] = ['atRisk', 'broken', 'attention', 'notice'];

export function overviewOf(answers: OverviewAnswers, now: EpochMs): Overview {
  const { status, schedules, runs, keys, keyMaxAgeSeconds, hosts = [] } = answers;
  const runsBySchedule = new Map<string, BackupRun[]>(schedules.map((schedule) => [keyOf(schedule), []]));
  for (const run of runs) runsBySchedule.get(keyOf({ id: run.schedule, host: run.host }))?.push(run);
  const findings = [
    ...status.checks.flatMap(checkFinding),
    ...silentOf(hosts).map(silentFinding),
    ...schedules.flatMap((schedule) => {
      const latestFirst = (runsBySchedule.get(keyOf(schedule)) ?? []).sort((a, b) =>
        a.startedAt < b.startedAt ? 1 : -1,
      );
      return scheduleFinding(schedule, latestFirst, now) ?? [];
    }),
    ...keyFindings(keys, keyMaxAgeSeconds, now),
  ].sort(byUrgency);
  return { ...verdictOf(findings, schedules.length), findings };
}

function checkFinding({ type, ok, message, hint }: Status['checks'][number]): Finding[] {
  if (ok) return [];
  return [
    {
      severity: 'broken',
      message: { key: 'overview.check.failing', values: { check: type, message } },
      about: { kind: 'check', id: type },
      ...(hint !== undefined && { hint }),
      weight: 0,
    },
  ];
}

/** It may be dead, or only cut off from the others. */
function silentFinding({ instance, lastSeenSeconds }: Host): Finding {
  return {
    severity: 'broken',
    message: { key: 'overview.host.silent', values: { host: instance, since: { ago: lastSeenSeconds } } },
    about: { kind: 'host', id: instance },
    weight: 0,
  };
}

function byUrgency(a: Finding, b: Finding): number {
  return (
    severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
    b.weight - a.weight ||
    compare(a.about.kind, b.about.kind) ||
    compare(a.about.id, b.about.id) ||
    compare(a.message.key, b.message.key)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function verdictOf(findings: readonly Finding[], total: number): Pick<Overview, 'verdict' | 'sentence'> {
  const of = (severity: Severity): Finding[] => findings.filter((finding) => finding.severity === severity);
  const atRisk = of('atRisk');
  if (atRisk.length > 0) {
    const values = { count: atRisk.length, total, schedules: { names: atRisk.map(({ about }) => about.id) } };
    return { verdict: 'atRisk', sentence: { key: 'overview.verdict.atRisk', values } };
  }
  // Without schedules there are no backups that could be called fresh.
  if (total === 0) return { verdict: 'nothing', sentence: { key: 'overview.verdict.nothing' } };
  const broken = of('broken').length;
  if (broken > 0) {
    return { verdict: 'broken', sentence: { key: 'overview.verdict.broken', values: { count: broken } } };
  }
  const attention = of('attention').length;
  if (attention > 0) {
    return {
      verdict: 'attention',
      sentence: { key: 'overview.verdict.attention', values: { count: attention } },
    };
  }
  return { verdict: 'safe', sentence: { key: 'overview.verdict.safe', values: { count: total } } };
}
