import { describe, expect, it } from 'vitest';
import { formatFor } from '../format/format.ts';
import { toEnglish, toSpanish } from '../words/words.testdata.ts';
import { say, type Translate } from '../words/words.ts';
import type { Words } from '../words/useWords.ts';
import { inOneBreath, tell } from './telling.ts';
import { readTide, type TideEvent } from './tide.ts';
import { now, runOf, scheduleOf, slotOf, without } from './tide.testdata.ts';
import { hourMs, minuteMs } from './zone.ts';

function wordsOf(translate: Translate, language: string): Words {
  const timezone = 'Europe/Madrid';
  const format = formatFor({ language, timezone });
  return {
    language,
    timezone,
    format,
    say: (message) => say(message, translate, format),
    text: (key) => say({ key }, translate, format),
  };
}
const english = wordsOf(toEnglish, 'en');
const iso = (at: number): string => new Date(at).toISOString();
const start = now + 12 * hourMs;

function planned(change: Parameters<typeof slotOf>[2] = {}): TideEvent {
  const slot = slotOf('db-prod', start, {
    forecast: { cpu: 0.09, memory: 0.4 },
    best: { start: iso(start + hourMs), forecast: { cpu: 0.08, memory: 0.39 } },
    alternatives: [
      {
        start: iso(start + 2 * hourMs),
        end: iso(start + 2 * hourMs + 45 * minuteMs),
        forecast: { cpu: 0.1 },
        whyNot: { code: 'history', text: 'it is no quieter: 24 % against 23 %' },
      },
    ],
    ...change,
  });
  return eventsOf({ slots: [slot] });
}

function ran(change: Parameters<typeof runOf>[2] = {}): TideEvent {
  return eventsOf({ runs: [runOf('db-prod', now - hourMs, change)] });
}

function eventsOf({
  slots = [],
  runs = [],
}: {
  slots?: ReturnType<typeof slotOf>[];
  runs?: ReturnType<typeof runOf>[];
}) {
  const plan = { from: iso(now), until: iso(now + 48 * hourMs), slots };
  const event = readTide({ schedules: [scheduleOf('db-prod')], plan, runs }).lanes[0]?.events[0];
  if (event === undefined) throw new Error('there should be an event');
  return event;
}

const factsOf = (event: TideEvent, words = english): Record<string, string> =>
  Object.fromEntries(tell(event, words, now).facts.map(({ name, text }) => [name, text]));

describe('what is told of a planned backup', () => {
  it('is when, why then, what the load will be, and which times were not taken', () => {
    expect(tell(planned(), english, now)).toEqual({
      schedule: 'db-prod',
      what: 'planned',
      when: 'Sun, Mar 29, 01:00 to 01:45, 45 min',
      facts: [
        { name: 'Expected load', text: 'CPU 9%, memory 40%' },
        { name: 'Window', text: 'Sun, Mar 29, 00:00 to 05:00' },
        { name: 'Latest start', text: 'Sun, Mar 29, 07:00' },
        { name: 'Quietest moment', text: 'Sun, Mar 29, 03:00: CPU 8%, memory 39%' },
      ],
      reason: {
        headline: 'The quietest time of its window',
        text: 'quietest 45m of its window: cpu 0.18, memory 0.40',
      },
      others: [
        {
          when: 'Sun, Mar 29, 04:00 to 04:45',
          load: 'CPU 10%',
          whyNot: { headline: 'no quieter', text: 'it is no quieter: 24 % against 23 %' },
        },
      ],
    });
  });

  it('does not say twice that it lies at the quietest moment, nor tells of a window that there is not', () => {
    const event = planned({
      best: { start: iso(start), forecast: { cpu: 0.09 } },
      window: { start: iso(start), end: iso(start) },
    });
    expect(Object.keys(factsOf(event))).toEqual(['Expected load', 'Latest start']);
  });

  it('is what the exporter says where it gives a reason of later times', () => {
    const { reason } = tell(
      planned({ reason: { code: 'full_moon', text: 'the moon is full' } }),
      english,
      now,
    );
    expect(reason).toEqual({ text: 'the moon is full' });
  });

  it('is told in Spanish as well, but for what the exporter says', () => {
    const told = tell(planned(), wordsOf(toSpanish, 'es'), now);
    expect([told.what, told.reason?.headline, told.others[0]?.whyNot?.headline]).toEqual([
      'prevista',
      'El momento más tranquilo de su ventana',
      'no es más tranquilo',
    ]);
  });
});

describe('what is told of a run', () => {
  it('is how it ended, what it met, and what it could have met', () => {
    const load = {
      met: 0.31,
      metPeak: false,
      best: { start: iso(now - 3 * hourMs), load: 0.22 },
      isFinal: true,
    };
    expect(factsOf(ran({ storedBytes: 1 << 30, load, pausedSeconds: 90 }))).toEqual({
      Stored: '1 GiB',
      'Load met': '31%; the best was 22%, at 10:00',
      'Stopped for the host': '1 min 30 sec',
    });
  });

  it('is why it failed, and what helps', () => {
    const error = { code: 'store_full', message: 'store offsite: no space left', hint: 'Free some.' };
    const told = tell(ran({ status: 'failed', error }), english, now);
    expect(told.what).toBe('failed');
    expect(told.facts).toEqual([
      { name: 'Why', text: 'store offsite: no space left' },
      { name: 'What helps', text: 'Free some.' },
    ]);
  });

  it('is since when it goes on', () => {
    const begun = runOf('db-prod', now - hourMs, { status: 'running', trigger: 'api' });
    const running = without(begun, 'finishedAt');
    const told = tell(eventsOf({ runs: [running] }), english, now);
    expect(told.when).toBe('since Sat, Mar 28, 12:00, for 1 hr');
    expect(told.facts).toEqual([{ name: 'Begun', text: 'by hand' }]);
  });
});

describe('all in one breath', () => {
  it('leaves nothing out that the eye gets', () => {
    expect(inOneBreath(tell(planned(), english, now))).toBe(
      'db-prod. planned. Sun, Mar 29, 01:00 to 01:45, 45 min. Expected load: CPU 9%, memory 40%. ' +
        'Window: Sun, Mar 29, 00:00 to 05:00. Latest start: Sun, Mar 29, 07:00. ' +
        'Quietest moment: Sun, Mar 29, 03:00: CPU 8%, memory 39%. The quietest time of its window. ' +
        'Sun, Mar 29, 04:00 to 04:45, CPU 10%, no quieter',
    );
  });
});
