import type { Host } from 'lowtide/api';

export function hostOf(instance: string, change: Partial<Host> = {}): Host {
  return {
    instance,
    state: 'alive',
    version: '0.1.0',
    address: `http://${instance}:10210`,
    pools: [],
    lastSeenSeconds: 3,
    isSelf: false,
    isPlanner: false,
    ...change,
  };
}

/** Three hosts, of which the first answers and the last is silent. */
export const fleet: readonly Host[] = [
  hostOf('db1', { isSelf: true, isPlanner: true, pools: ['west'] }),
  hostOf('db2'),
  hostOf('db3', { state: 'silent', lastSeenSeconds: 300 }),
];
