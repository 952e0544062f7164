import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Admission, mayStart, type Occupant } from './admission.ts';

const tenths = fc.integer({ min: 1, max: 10 }).map((count) => count / 10);
const runs = fc.record({
  cpu: tenths,
  memory: tenths,
  minutes: fc.integer({ min: 1, max: 12 }),
  store: fc.constantFrom('a', 'b'),
});
interface Wish {
  readonly cpu: number;
  readonly memory: number;
  readonly minutes: number;
  readonly store: string;
  readonly dueAt: number;
}

const limits = { stores: { a: { streams: 2 }, b: { streams: 1 } } };
const occupant = ({ cpu, memory, minutes, store }: Wish, at: number): Occupant => ({
  ...{ resources: { cpu, memory }, ways: { stores: [store] }, until: at + minutes },
});

/** When each starts, minute by minute: those that are due are asked for in their order, and take as long as expected. */
function live(wishes: readonly Wish[]): readonly number[] {
  const starts = wishes.map(() => Infinity);
  const order = [...wishes.entries()].sort(([, a], [, b]) => a.dueAt - b.dueAt);
  const going: Occupant[] = [];
  for (let now = 0; starts.includes(Infinity); now += 1) {
    const running = going.filter(({ until }) => until > now);
    const admission = new Admission(running, limits);
    for (const [index, wish] of order) {
      if (wish.dueAt > now || starts[index] !== Infinity) continue;
      const run = occupant(wish, now);
      if (admission.ask(run) !== undefined) continue;
      starts[index] = now;
      going.push(run);
    }
  }
  return starts;
}

const crowds = fc
  .array(fc.tuple(runs, fc.integer({ min: 0, max: 30 })), { minLength: 1, maxLength: 14 })
  .map((all) => all.map(([wish, dueAt]): Wish => ({ ...wish, dueAt })));

it('never has more run at once than there is room for', () => {
  fc.assert(
    fc.property(crowds, (wishes) => {
      const starts = live(wishes);
      for (const now of starts) {
        const going = wishes.filter(({ minutes }, index) => {
          const start = starts[index] ?? Infinity;
          return start <= now && now < start + minutes;
        });
        const [last, ...others] = going;
        if (last !== undefined) expect(mayStart(last, others)).toBe(true);
        expect(going.filter(({ store }) => store === 'a').length).toBeLessThanOrEqual(2);
        expect(going.filter(({ store }) => store === 'b').length).toBeLessThanOrEqual(1);
      }
    }),
  );
});

const first = fc.record({ cpu: tenths, memory: tenths });
const small = runs.map((wish) => ({ ...wish, cpu: wish.cpu / 4, memory: wish.memory / 4 }));

it.each([
  ['the host', (wish: Wish) => ({ ...wish, store: 'a' }), (wish: Wish) => wish],
  ['a way', withoutHost, withoutHost],
])('puts what waits for %s off by nothing that comes behind it', (_, running, behind) => {
  fc.assert(
    fc.property(crowds, first, fc.array(small, { minLength: 1, maxLength: 8 }), (before, own, later) => {
      const now = Math.max(...before.map(({ dueAt }) => dueAt));
      const all = before.map(running);
      const starts = live(all);
      const goesOn = all.filter((__, index) => (starts[index] ?? Infinity) <= now);
      const wanted = behind({ ...own, store: 'b', minutes: 5, dueAt: now });
      const crowd = later.map((wish) => behind({ ...wish, dueAt: now + 1 }));
      const alone = live([...goesOn, wanted]).at(-1);
      expect(live([...goesOn, wanted, ...crowd])[goesOn.length]).toBe(alone);
    }),
    { numRuns: 500 },
  );
});

it('leaves no room idle for what ends just as the one that waits may start', () => {
  const run = (cpu: number, until: number): Occupant => ({
    ...{ resources: { cpu, memory: 0.1 }, ways: { stores: [] }, until },
  });
  const admission = new Admission([run(0.4, 10), run(0.4, 10)], {});
  expect(admission.ask(run(0.6, 20))).toBe('capacity');
  expect(admission.ask(run(0.2, 30))).toBeUndefined();
});

function withoutHost(wish: Wish): Wish {
  return { ...wish, cpu: 0, memory: 0 };
}
