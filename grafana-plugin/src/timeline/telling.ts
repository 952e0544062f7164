import type { BackupRun, Slot } from '../api/answers.ts';
import type { EpochMs } from '../format/format.ts';
import { named } from '../hosts/hosts.ts';
import { english } from '../words/english.ts';
import type { Words } from '../words/useWords.ts';
import type { MessageKey } from '../words/words.ts';
import type { PlannedEvent, RunEvent, TideEvent } from './tide.ts';

/**
 * What is told of an event, in the words of whoever looks. The pointer, the keyboard and the table all say the same.
 */
export interface Telling {
  readonly schedule: string;
  /** That it is planned, or how it ended. */
  readonly what: string;
  readonly when: string;
  readonly facts: readonly Fact[];
  /** Why it lies where it lies; of what is planned. */
  readonly reason?: Reason;
  /** The best other times, and what spoke against each. */
  readonly others: readonly OtherTime[];
}

export interface Fact {
  readonly name: string;
  readonly text: string;
}

export interface Reason {
  /** In the language of whoever looks; absent for a code of a later exporter. */
  readonly headline?: string;
  /** In the exporter's words. */
  readonly text: string;
}

export interface OtherTime {
  readonly when: string;
  readonly load: string;
  readonly whyNot?: Reason;
}

export function tell(event: TideEvent, words: Words, now: EpochMs): Telling {
  return event.kind === 'planned' ? tellPlanned(event, words) : tellRun(event, words, now);
}

/** All of it in one breath, for those who listen. */
export function inOneBreath({ schedule, what, when, facts, reason, others }: Telling): string {
  return [
    schedule,
    what,
    when,
    ...facts.map(({ name, text }) => `${name}: ${text}`),
    ...(reason === undefined ? [] : [reason.headline ?? reason.text]),
    ...others.map((other) =>
      [other.when, other.load, whyNotOf(other)].filter((part) => part !== '').join(', '),
    ),
  ].join('. ');
}

export function whyNotOf({ whyNot }: OtherTime): string {
  return whyNot?.headline ?? whyNot?.text ?? '';
}

function tellPlanned({ start, end, deadline, slot }: PlannedEvent, words: Words): Telling {
  const { say, format } = words;
  const { forecast, window, best } = slot;
  const facts: Fact[] = [];
  const add = (name: MessageKey, text: string): void => void facts.push({ name: say({ key: name }), text });
  if (forecast !== undefined) add('tide.fact.forecast', loadText(forecast, words));
  if (window.start !== window.end) {
    add('tide.fact.window', spanText(Date.parse(window.start), Date.parse(window.end), words));
  }
  add('tide.fact.deadline', format.moment(deadline));
  if (best !== undefined && Date.parse(best.start) !== start) {
    add('tide.fact.quietest', `${format.moment(Date.parse(best.start))}: ${loadText(best.forecast, words)}`);
  }
  return {
    schedule: named(slot.schedule, slot.host),
    what: say({ key: 'tide.what.planned' }),
    when: say({ key: 'tide.when', values: whenValues(start, end) }),
    facts,
    reason: reasonOf('tide.reason.', slot.reason, words),
    others: slot.alternatives.map((other) => ({
      when: spanText(Date.parse(other.start), Date.parse(other.end), words),
      load: other.forecast === undefined ? '' : loadText(other.forecast, words),
      ...(other.whyNot !== undefined && { whyNot: reasonOf('tide.whyNot.', other.whyNot, words) }),
    })),
  };
}

function tellRun({ start, end, run }: RunEvent, words: Words, now: EpochMs): Telling {
  const { say } = words;
  const when =
    end === undefined
      ? say({
          key: 'tide.whenRunning',
          values: { start: { at: start }, duration: { seconds: (now - start) / 1000 } },
        })
      : say({ key: 'tide.when', values: whenValues(start, end) });
  return {
    schedule: named(run.schedule, run.host),
    what: say({ key: `tide.what.${run.status}` }),
    when,
    facts: factsOfRun(run, words),
    others: [],
  };
}

function factsOfRun(run: BackupRun, words: Words): Fact[] {
  const { say, format } = words;
  const { error, load, progress, storedBytes, pausedSeconds, warnings } = run;
  const facts: Fact[] = [];
  const add = (name: MessageKey, text: string): void => void facts.push({ name: say({ key: name }), text });
  if (error !== undefined) add('tide.fact.error', error.message);
  if (error?.hint !== undefined) add('tide.fact.hint', error.hint);
  if (progress?.ratio !== undefined) add('tide.fact.progress', format.percent(progress.ratio));
  if (run.trigger !== 'schedule') add('tide.fact.trigger', say({ key: `tide.trigger.${run.trigger}` }));
  if (storedBytes !== undefined) add('tide.fact.stored', format.size(storedBytes));
  if (load?.best !== undefined) {
    const values = {
      met: { ratio: load.met },
      best: { ratio: load.best.load },
      at: { time: Date.parse(load.best.start) },
    };
    add('tide.fact.met', say({ key: 'tide.metAndBest', values }));
  } else if (load !== undefined) {
    add('tide.fact.met', format.percent(load.met));
  }
  if (pausedSeconds > 0) add('tide.fact.paused', format.duration(pausedSeconds));
  for (const warning of warnings) add('tide.fact.warning', warning);
  return facts;
}

/** `CPU 18%, memory 40%` */
function loadText(load: NonNullable<Slot['forecast']>, { say, format }: Words): string {
  return (['cpu', 'memory', 'disk'] as const)
    .flatMap((resource) => {
      const share = load[resource];
      return share === undefined
        ? []
        : `${say({ key: `tide.resource.${resource}` })} ${format.percent(share)}`;
    })
    .join(', ');
}

function spanText(start: EpochMs, end: EpochMs, { say }: Words): string {
  return say({ key: 'tide.span', values: { start: { at: start }, end: { time: end } } });
}

function whenValues(start: EpochMs, end: EpochMs) {
  return { start: { at: start }, end: { time: end }, duration: { seconds: (end - start) / 1000 } };
}

function reasonOf(
  prefix: 'tide.reason.' | 'tide.whyNot.',
  { code, text }: { readonly code: string; readonly text: string },
  { say }: Words,
): Reason {
  const key = `${prefix}${code}`;
  return { ...(isKnown(key) && { headline: say({ key }) }), text };
}

function isKnown(key: string): key is MessageKey {
  return Object.hasOwn(english, key);
}
