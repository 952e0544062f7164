import type { Key, RotationPlan, Status } from 'lowtide/api';
import type { Rotation } from '../api/answers.ts';

export const now = Date.parse('2026-03-28T12:00:00Z');
export const wish = { mode: 'rewrap', daysBack: 90 } as const;

export const plan: RotationPlan = {
  dryRun: true,
  ...wish,
  backups: 3,
  bytes: 3000,
  stores: [{ store: 'local', backups: 3, bytes: 3000, requests: 0, readBytes: 0, writtenBytes: 0 }],
  skipped: [],
  estimatedSeconds: 1,
  neededBytes: 0,
  retirableKeys: ['k1'],
  droppedRecipients: [],
  obstacles: [],
  stillReadable: { rotate: 'a', rewrap: 'b', reencrypt: 'c' },
};

export const none = { backups: 0, bytes: 0 };

export function rotationOf(change: Partial<Rotation> = {}): Rotation {
  return {
    ...wish,
    id: 'r1',
    status: 'running',
    startedAt: '2026-03-28T11:59:00Z',
    trigger: 'api',
    cancelRequested: false,
    atLowTide: false,
    pending: { backups: 3, bytes: 3000 },
    done: none,
    skipped: none,
    failed: none,
    ...change,
  };
}

export function keyOf(id: string, change: Partial<Key> = {}): Key {
  return {
    id,
    recipient: `age1${id}`,
    state: 'active',
    createdAt: '2026-03-18T12:00:00Z',
    origin: 'generated',
    purpose: 'backup',
    backups: 3,
    copies: 3,
    bytes: 3000,
    ...change,
  };
}

export function statusOf(change: Partial<Status> = {}): Status {
  return {
    version: '0.1.0',
    instance: 'db-host-1',
    startedAt: '2026-03-28T00:00:00Z',
    now: '2026-03-28T12:00:00Z',
    caller: { token: 'grafana', role: 'operator', actions: ['read', 'rotate'] },
    ready: true,
    checks: [],
    restoreTargets: [],
    encryption: {},
    ...change,
  };
}
