import fc from 'fast-check';
import type { Rotation } from '../api/answers.ts';
import { describe, expect, it } from 'vitest';
import { formatFor } from '../format/format.ts';
import { toEnglish, toSpanish } from '../words/words.testdata.ts';
import { say, type Translate } from '../words/words.ts';
import { none, now, plan, rotationOf, wish } from './rotation.testdata.ts';
import { objectionTo, type Circumstances, type RotationAction } from './permission.ts';
import { progressAt, requestOf } from './request.ts';
import { afterRotation, idle, outcomeOf, type RotationEvent, type RotationState } from './rotation.ts';

const after = (events: readonly RotationEvent[], from: RotationState = idle): RotationState =>
  events.reduce(afterRotation, from);
const toConfirming: RotationEvent[] = [
  { type: 'planAsked', wish, key: 'p' },
  { type: 'planned', key: 'p', plan },
  { type: 'confirmOpened', phrase: 'db-host-1' },
];
const toStarting: RotationEvent[] = [
  ...toConfirming,
  { type: 'typed', text: ' db-host-1 ' },
  { type: 'confirmed', key: 's' },
];
const toRunning: RotationEvent[] = [
  ...toStarting,
  { type: 'answered', key: 's', rotation: rotationOf(), at: now },
];
const no = { status: 409, detail: 'another rotation goes on', code: 'rotation_active' };

describe('the way from dry run to result', () => {
  it('asks for a dry run, then for the same in earnest under a key of its own', () => {
    expect(requestOf(after(toConfirming.slice(0, 1)))).toEqual({
      method: 'POST',
      path: 'rotations',
      key: 'p',
      body: { ...wish, dryRun: true },
    });
    expect(after(toConfirming)).toMatchObject({ step: 'confirming', plan, typed: '' });
    expect(requestOf(after(toStarting))).toEqual({
      method: 'POST',
      path: 'rotations',
      key: 's',
      body: { ...wish, dryRun: false },
    });
  });

  it.each(['', 'db-host', 'DB-HOST-1', 'db-host-1x'])('does not start with %j typed', (text) => {
    const typed = after([...toConfirming, { type: 'typed', text }]);
    expect(afterRotation(typed, { type: 'confirmed', key: 's' })).toBe(typed);
  });

  it('polls while it runs, until it has ended', () => {
    const running = after(toRunning);
    expect(requestOf(running)).toEqual({ method: 'GET', path: 'rotations/r1' });
    const done = rotationOf({ status: 'completed', pending: none, done: { backups: 3, bytes: 3000 } });
    const ended = afterRotation(running, { type: 'answered', rotation: done, at: now + 1000 });
    expect(ended).toEqual({ step: 'ended', rotation: done });
    expect(requestOf(ended)).toBeUndefined();
    expect(afterRotation(ended, { type: 'answered', rotation: rotationOf(), at: now + 2000 })).toBe(ended);
    const ofAnother: RotationEvent = { type: 'answered', rotation: rotationOf({ id: 'r9' }), at: now };
    expect(afterRotation(running, ofAnother)).toBe(running);
  });

  it('cancels, and stays cancelling when a poll that was on its way says otherwise', () => {
    const asked = after([...toRunning, { type: 'cancelAsked', key: 'c' }]);
    expect(requestOf(asked)).toEqual({ method: 'POST', path: 'rotations/r1/cancel', key: 'c' });
    const granted = after(
      [
        { type: 'answered', key: 'c', rotation: rotationOf({ cancelRequested: true }), at: now },
        { type: 'answered', rotation: rotationOf(), at: now },
      ],
      asked,
    );
    expect(granted).toMatchObject({ step: 'running', rotation: { cancelRequested: true } });
    expect(afterRotation(granted, { type: 'cancelAsked', key: 'c2' })).toBe(granted);
  });

  it('resumes what was interrupted, and not what is complete', () => {
    const interrupted: RotationEvent = {
      type: 'found',
      rotation: rotationOf({ status: 'interrupted' }),
      at: now,
    };
    const resuming = after([interrupted, { type: 'resumeAsked', key: 'u' }]);
    expect(requestOf(resuming)).toEqual({ method: 'POST', path: 'rotations/r1/resume', key: 'u' });
    const goesOn: RotationEvent = { type: 'answered', key: 'u', rotation: rotationOf(), at: now };
    expect(afterRotation(resuming, goesOn).step).toBe('running');
    const complete = after([
      ...toRunning,
      { type: 'answered', rotation: rotationOf({ status: 'completed' }), at: now },
    ]);
    expect(afterRotation(complete, { type: 'resumeAsked', key: 'u' })).toBe(complete);
  });

  it('shows one that somebody else began, offers one to resume, and is not bothered by one that is complete', () => {
    const find = (status: Rotation['status']) =>
      after([{ type: 'found', rotation: rotationOf({ status }), at: now }]).step;
    expect([find('running'), find('failed'), find('completed')]).toEqual(['running', 'ended', 'idle']);
  });

  it('follows one that the exporter has resumed by itself, but not while it is asked to', () => {
    const find = (status: Rotation['status']): RotationEvent => ({
      type: 'found',
      rotation: rotationOf({ status }),
      at: now,
    });
    const interrupted = after([find('interrupted')]);
    expect(afterRotation(interrupted, find('running')).step).toBe('running');
    expect(afterRotation(interrupted, find('interrupted'))).toBe(interrupted);
    const resuming = afterRotation(interrupted, { type: 'resumeAsked', key: 'u' });
    expect(afterRotation(resuming, find('running'))).toBe(resuming);
  });
});

describe('when the exporter says no, or nothing', () => {
  it('goes back a step with what it said', () => {
    const refused = (key: string): RotationEvent => ({ type: 'refused', key, refusal: no });
    expect(after([...toConfirming.slice(0, 1), refused('p')])).toEqual({ step: 'idle', refusal: no });
    expect(after([...toStarting, refused('s')])).toMatchObject({ step: 'planned', plan, refusal: no });
    expect(after([...toRunning, { type: 'cancelAsked', key: 'c' }, refused('c')])).toMatchObject({
      step: 'running',
      refusal: no,
    });
  });

  it('sends a start without answer again under the same key', () => {
    const uncertain = after([...toStarting, { type: 'unanswered', key: 's', at: now }]);
    expect(uncertain).toMatchObject({ step: 'starting', isUncertain: true });
    expect(requestOf(uncertain)).toEqual(requestOf(after(toStarting)));
    expect(afterRotation(after(toStarting), { type: 'closed' }).step).toBe('starting');
    expect(afterRotation(uncertain, { type: 'closed' }).step).toBe('idle');
  });

  it('keeps a running one on show, as old, until an answer comes', () => {
    const lost = after([
      ...toRunning,
      { type: 'unanswered', at: now + 5000 },
      { type: 'unanswered', at: now + 9000 },
    ]);
    expect(lost).toMatchObject({ step: 'running', unansweredSince: now + 5000 });
    const back = afterRotation(lost, { type: 'answered', rotation: rotationOf(), at: now + 12_000 });
    expect(back).toEqual({ step: 'running', rotation: rotationOf(), knownAt: now + 12_000 });
  });

  it('lets go of one that the exporter does not know any more', () => {
    const gone = { status: 404, detail: 'no such rotation' };
    expect(after([...toRunning, { type: 'refused', refusal: gone }])).toEqual({
      step: 'idle',
      refusal: gone,
    });
  });

  it('ignores the answer to an earlier dry run', () => {
    const asked = after([
      { type: 'planAsked', wish, key: 'p1' },
      { type: 'planAsked', wish: { mode: 'reencrypt' }, key: 'p2' },
    ]);
    expect(afterRotation(asked, { type: 'planned', key: 'p1', plan })).toBe(asked);
    expect(afterRotation(asked, { type: 'refused', key: 'p1', refusal: no })).toBe(asked);
  });
});

describe('progress', () => {
  const progress = { bytes: 40, expectedBytes: 100, ratio: 0.4, bytesPerSecond: 2, etaSeconds: 30 };
  const running = after([...toRunning, { type: 'answered', rotation: rotationOf({ progress }), at: now }]);

  it('counts the time that is left down between two answers', () => {
    if (running.step !== 'running') throw new Error('it should run');
    expect(progressAt(running, now + 10_000)).toEqual({
      ratio: 0.4,
      bytes: 40,
      bytesPerSecond: 2,
      etaSeconds: 20,
      isStale: false,
    });
    expect(progressAt(running, now + 60_000)?.etaSeconds).toBe(0);
  });

  it('tells no end while the exporter is silent', () => {
    const silent = afterRotation(running, { type: 'unanswered', at: now + 1000 });
    if (silent.step !== 'running') throw new Error('it should run');
    expect(progressAt(silent, now + 2000)).toEqual({
      ratio: 0.4,
      bytes: 40,
      bytesPerSecond: 2,
      isStale: true,
    });
  });
});

/** Anything that can happen, in any order, with keys and ids that meet often. */
const key = fc.constantFrom('a', 'b', 'c');
const rotation = fc
  .record({
    id: fc.constantFrom('r1', 'r2'),
    status: fc.constantFrom('running', 'completed', 'failed', 'cancelled', 'interrupted'),
    cancelRequested: fc.boolean(),
  } as const)
  .map(rotationOf);
const keyed = <T extends object>(event: T) =>
  fc.oneof(
    key.map((answered) => ({ ...event, key: answered })),
    fc.constant(event),
  );
const event: fc.Arbitrary<RotationEvent> = fc.oneof(
  rotation.map((latest) => ({ type: 'found', rotation: latest, at: now }) as const),
  key.map((of) => ({ type: 'planAsked', wish, key: of }) as const),
  key.map((of) => ({ type: 'planned', key: of, plan }) as const),
  fc.constant({ type: 'confirmOpened', phrase: 'yes' } as const),
  fc.constantFrom('yes', 'no').map((text) => ({ type: 'typed', text }) as const),
  key.map((of) => ({ type: 'confirmed', key: of }) as const),
  key.map((of) => ({ type: 'cancelAsked', key: of }) as const),
  key.map((of) => ({ type: 'resumeAsked', key: of }) as const),
  rotation.chain((latest) => keyed({ type: 'answered', rotation: latest, at: now } as const)),
  keyed({ type: 'refused', refusal: no } as const),
  keyed({ type: 'unanswered', at: now } as const),
  fc.constant({ type: 'closed' } as const),
);
/** Some way along the usual course first: by chance alone hardly anything gets as far as a start. */
const course: readonly RotationEvent[] = [
  { type: 'planAsked', wish, key: 'a' },
  { type: 'planned', key: 'a', plan },
  { type: 'confirmOpened', phrase: 'yes' },
  { type: 'typed', text: 'yes' },
  { type: 'confirmed', key: 'b' },
  { type: 'answered', key: 'b', rotation: rotationOf(), at: now },
  { type: 'answered', rotation: rotationOf({ status: 'interrupted' }), at: now },
  { type: 'resumeAsked', key: 'c' },
];
const events = fc
  .tuple(fc.nat(course.length), fc.array(event, { maxLength: 40 }))
  .map(([steps, rest]) => [...course.slice(0, steps), ...rest]);

describe('whatever happens', () => {
  it('starts only what was confirmed a moment before, and writes only under a key', () => {
    fc.assert(
      fc.property(events, (history) => {
        let state = idle;
        for (const next of history) {
          const before = state;
          state = afterRotation(before, next);
          if (state.step === 'starting' && before.step !== 'starting') {
            expect(before).toMatchObject({ step: 'confirming', typed: 'yes', plan });
            expect(next.type).toBe('confirmed');
          }
          const request = requestOf(state);
          if (request?.method === 'POST') expect(request.key).toBeDefined();
          // Here it goes on only where that was asked for; it may as well be found to go on.
          if (before.step === 'ended' && state.step === 'running' && next.type !== 'found') {
            expect(before.resume).toBeDefined();
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('may be done exactly what has an effect', () => {
    const asked: Record<RotationAction, RotationEvent> = {
      plan: { type: 'planAsked', wish, key: 'new' },
      start: { type: 'confirmed', key: 'new' },
      cancel: { type: 'cancelAsked', key: 'new' },
      resume: { type: 'resumeAsked', key: 'new' },
    };
    fc.assert(
      fc.property(events, fc.constantFrom('plan', 'start', 'cancel', 'resume'), (history, action) => {
        const state = after(history);
        const isEnabled = objectionTo(action, state, circumstances) === undefined;
        expect(isEnabled).toBe(afterRotation(state, asked[action]) !== state);
      }),
      { numRuns: 1000 },
    );
  });
});

const circumstances: Circumstances = {
  grafanaRole: 'Editor',
  status: { caller: { token: 'grafana', role: 'operator', actions: ['read', 'rotate'] } },
};

describe('why something cannot be done', () => {
  const format = formatFor({ language: 'en', timezone: 'UTC' });
  const reason = (
    action: RotationAction,
    change: Partial<Circumstances> = {},
    state: RotationState = idle,
    translate: Translate = toEnglish,
  ): string | undefined => {
    const objection = objectionTo(action, state, { ...circumstances, ...change });
    return objection && say(objection, translate, format);
  };

  it('is the role first, then the exporter, the token, another rotation, and last the step', () => {
    const latest = rotationOf({ id: 'r9' });
    const viewer = { caller: { token: 'grafana', role: 'viewer', actions: ['read'] } } as const;
    const status = { caller: { ...viewer.caller, actions: [...viewer.caller.actions] } };
    expect(reason('plan', { grafanaRole: 'Viewer', status: undefined, latest })).toBe(
      'Your role in Grafana is Viewer; this needs Editor.',
    );
    expect(reason('plan', { status: undefined, latest })).toBe('The exporter does not answer.');
    expect(reason('plan', { status, latest })).toBe(
      'The token that Grafana uses has the role viewer, which may not rotate keys.',
    );
    expect(reason('plan', { latest })).toBe('Another rotation is going on, since Sat, Mar 28, 11:59.');
    expect(reason('start')).toBe('See first what it would do.');
    expect(reason('plan')).toBeUndefined();
  });

  it('is the user where the token could', () => {
    const status = { caller: { role: 'admin' as const, actions: ['read' as const] } };
    expect(reason('cancel', { status })).toBe('The exporter does not let you rotate keys.');
  });

  it('is what has to be typed, in the language of the user', () => {
    expect(reason('start', {}, after(toConfirming), toSpanish)).toBe('Escribe db-host-1 para confirmar.');
  });

  it('is no other rotation where it is this one, or where it is to be cancelled', () => {
    const latest = rotationOf();
    const interrupted = after([{ type: 'found', rotation: rotationOf({ status: 'interrupted' }), at: now }]);
    expect(reason('resume', { latest }, interrupted)).toBeUndefined();
    expect(reason('resume', { latest: rotationOf({ id: 'r9' }) }, interrupted)).toMatch(/^Another rotation/);
    expect(reason('cancel', { latest }, after(toRunning))).toBeUndefined();
    expect(reason('cancel', { latest: rotationOf({ id: 'r9' }) }, after(toRunning))).toBeUndefined();
    expect(reason('plan', { latest: rotationOf({ status: 'completed' }) })).toBeUndefined();
  });
});

describe('the outcome', () => {
  const format = formatFor({ language: 'en', timezone: 'UTC' });
  const said = (change: Partial<Rotation>): string | undefined => {
    const outcome = outcomeOf(rotationOf(change));
    return outcome && say(outcome, toEnglish, format);
  };

  it('is told in a sentence', () => {
    expect(said({})).toBeUndefined();
    expect(said({ status: 'completed' })).toBe('The keys are rotated.');
    expect(said({ status: 'completed', failed: { backups: 2, bytes: 20 } })).toBe(
      'The keys are rotated, but 2 backups could not be changed.',
    );
    expect(said({ status: 'failed', error: { code: 'store_full', message: 'store local is full' } })).toBe(
      'The rotation failed: store local is full',
    );
  });
});
