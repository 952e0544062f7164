import { expect, it } from 'vitest';
import { hostView } from './host-view.ts';

const host = {
  ...{ instance: 'db1', version: '0.1.0', address: '127.0.0.1:10210', pools: [], isPlanner: false },
  ...{ sinceHeardMs: 90_000, sinceEnteredMs: 900_000 },
};
const summaries = new Map([['db1', { schedules: 3, paused: 0, running: 2 }]]);

it.each([
  ['alive', 2],
  ['silent', 2],
  ['left', 0],
] as const)('a host that is %s has %i runs going on', (state, running) => {
  expect(hostView({ ...host, state }, 'db2', summaries)).toMatchObject({
    ...{ state, lastSeenSeconds: 90, isSelf: false },
    summary: { schedules: 3, running },
  });
});
