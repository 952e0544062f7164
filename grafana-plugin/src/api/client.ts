import type {
  AuditList,
  Backup,
  BackupList,
  BackupRun,
  BackupRunList,
  Drill,
  DrillList,
  Key,
  KeyList,
  Load,
  Manifest,
  NewRotation,
  Plan,
  Problem,
  RestoreRequest,
  RestoreRun,
  Rotation,
  RotationList,
  RotationPlan,
  Run,
  RunLog,
  Schedule,
  ScheduleList,
  Status,
  VerificationRun,
} from 'lowtide/api';
import type { RequestFailure } from './failure.ts';
import { checkedStatus } from './status.ts';

/** One request to the exporter, below `/api/v1/`, the way Grafana's proxy takes it. */
export interface ExporterRequest {
  readonly method: 'GET' | 'POST';
  /** Without a leading slash; ids are encoded. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: object;
  /** With every POST: what comes again with its key is not done again. */
  readonly key?: string;
  /** Takes the route that Grafana keeps for its admins. */
  readonly asAdmin?: boolean;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** Sends it and takes the answer for what it should be. Rejects with a RequestError. */
export type Send = (request: ExporterRequest) => Promise<unknown>;

export interface Page {
  readonly limit?: number;
  readonly cursor?: string;
}
export type RunsQuery = Page & { readonly schedule?: string; readonly status?: BackupRun['status'] };
export type BackupsQuery = Page & {
  readonly schedule?: string;
  readonly status?: Backup['status'];
  readonly key?: string;
};

/** The exporter's API as the app uses it. Whatever changes something takes its idempotency key. */
export interface Exporter {
  readonly status: () => Promise<Status>;
  readonly schedules: (page?: Page) => Promise<ScheduleList>;
  readonly plan: (query?: { readonly hours?: number }) => Promise<Plan>;
  readonly load: (query?: { readonly hours?: number }) => Promise<Load>;
  readonly runs: (query?: RunsQuery) => Promise<BackupRunList>;
  readonly run: (id: string) => Promise<Run>;
  readonly runLog: (id: string) => Promise<RunLog>;
  readonly backups: (query?: BackupsQuery) => Promise<BackupList>;
  readonly backup: (id: string) => Promise<Backup>;
  readonly manifest: (backup: string) => Promise<Manifest>;
  readonly drills: (page?: Page) => Promise<DrillList>;
  readonly keys: (page?: Page) => Promise<KeyList>;
  readonly rotations: (page?: Page) => Promise<RotationList>;
  readonly audit: (page?: Page) => Promise<AuditList>;

  readonly runSchedule: (id: string, key: string) => Promise<BackupRun>;
  readonly drill: (schedule: string, key: string) => Promise<Drill>;
  readonly pause: (id: string, key: string) => Promise<Schedule>;
  readonly resume: (id: string, key: string) => Promise<Schedule>;
  readonly skipNext: (id: string, key: string) => Promise<Schedule>;
  readonly cancelRun: (id: string, key: string) => Promise<Run>;
  readonly cancelDrill: (id: string, key: string) => Promise<Drill>;
  readonly verify: (backup: string, key: string) => Promise<VerificationRun>;
  readonly restore: (backup: string, request: RestoreRequest, key: string) => Promise<RestoreRun>;
  readonly retireKey: (id: string, key: string) => Promise<Key>;

  /** What the rotation control asks for (rotation/request.ts): a plan with a dry run, otherwise a rotation. */
  readonly rotation: (request: {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly body?: NewRotation;
    readonly key?: string;
  }) => Promise<Rotation | RotationPlan>;
}

export function exporterOver(send: Send): Exporter {
  const get = <T>(path: string, query: object = {}): Promise<T> =>
    send({ method: 'GET', path, query: query as Query }) as Promise<T>;
  const post = <T>(path: string, key: string, more: Partial<ExporterRequest> = {}): Promise<T> =>
    send({ method: 'POST', path, key, ...more }) as Promise<T>;
  const of = (collection: string, id: string, action = ''): string =>
    `${collection}/${encodeURIComponent(id)}${action === '' ? '' : `/${action}`}`;

  return {
    status: async () => checkedStatus(await get<Status>('status')),
    schedules: (page) => get('schedules', page),
    plan: (query) => get('plan', query),
    load: (query) => get('load', query),
    runs: (query) => get('runs', query),
    run: (id) => get(of('runs', id)),
    runLog: (id) => get(of('runs', id, 'log')),
    backups: (query) => get('backups', query),
    backup: (id) => get(of('backups', id)),
    manifest: (backup) => get(of('backups', backup, 'manifest')),
    drills: (page) => get('drills', page),
    keys: (page) => get('keys', page),
    rotations: (page) => get('rotations', page),
    audit: (page) => get('audit', page),

    runSchedule: (id, key) => post(of('schedules', id, 'run'), key),
    drill: (schedule, key) => post(of('schedules', schedule, 'drill'), key),
    pause: (id, key) => post(of('schedules', id, 'pause'), key),
    resume: (id, key) => post(of('schedules', id, 'resume'), key),
    skipNext: (id, key) => post(of('schedules', id, 'skip-next'), key),
    cancelRun: (id, key) => post(of('runs', id, 'cancel'), key),
    cancelDrill: (id, key) => post(of('drills', id, 'cancel'), key),
    verify: (backup, key) => post(of('backups', backup, 'verify'), key),
    restore: (backup, body, key) => post(of('backups', backup, 'restore'), key, { body, asAdmin: true }),
    retireKey: (id, key) => post(of('keys', id, 'retire'), key, { asAdmin: true }),

    rotation: (request) => send(request) as Promise<Rotation | RotationPlan>,
  };
}

/** What the exporter said no with, for those who only know problems. */
export function problemOf({ status, problem }: RequestFailure): Problem | undefined {
  return problem === undefined ? undefined : { ...problem, status };
}

const mostPages = 50;

/** All of a list, page by page. */
export async function allOf<T>(
  page: (page: Page) => Promise<{ readonly items: readonly T[]; readonly nextCursor?: string | undefined }>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < mostPages; pages += 1) {
    const answer = await page({ limit: 200, ...(cursor !== undefined && { cursor }) });
    items.push(...answer.items);
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  return items;
}
