import type {
  AuditList,
  Host,
  HostProblem,
  Key,
  KeyList,
  Load,
  Manifest,
  NewRotation,
  Plan,
  Problem,
  RelayedRequest,
  RestoreRequest,
  RestoreRun,
  RotationPlan,
  Run,
  RunLog,
  Status,
  VerificationRun,
} from 'lowtide/api';
import type { Backup, BackupRun, Drill, Rotation, Schedule, Slot } from './answers.ts';
import type { ListOfHosts } from '../hosts/ask-hosts.ts';
import type { OfHost, Whose } from '../hosts/hosts.ts';
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
  readonly host?: Whose;
}
export type RunsQuery = Page & { readonly schedule?: string; readonly status?: BackupRun['status'] };
export type BackupsQuery = Page & {
  readonly schedule?: string;
  readonly status?: Backup['status'];
  readonly key?: string;
};

export type LookAhead = { readonly hours?: number; readonly host?: Whose };
export type PlanOfHosts = Omit<Plan, 'slots' | 'problems'> & {
  readonly slots: readonly Slot[];
  readonly problems?: readonly OfHost<NonNullable<Plan['problems']>[number]>[];
  readonly hostProblems?: readonly HostProblem[];
};

/**
 * The exporter's API as the app uses it. Whatever changes something takes its idempotency key; what takes a host is about that
 * one, and without about the exporter's own. Another host is asked to, and does it later.
 */
export interface Exporter {
  readonly status: () => Promise<Status>;
  readonly hosts: () => Promise<{ readonly items?: readonly Host[] }>;
  readonly schedules: (page?: Page) => Promise<ListOfHosts<Schedule>>;
  readonly plan: (query?: LookAhead) => Promise<PlanOfHosts>;
  readonly load: (query?: LookAhead) => Promise<Load>;
  readonly runs: (query?: RunsQuery) => Promise<ListOfHosts<BackupRun>>;
  readonly run: (id: string, host?: Whose) => Promise<Run>;
  readonly runLog: (id: string, host?: Whose) => Promise<RunLog>;
  readonly backups: (query?: BackupsQuery) => Promise<ListOfHosts<Backup>>;
  readonly backup: (id: string, host?: Whose) => Promise<Backup>;
  readonly manifest: (backup: string, host?: Whose) => Promise<Manifest>;
  readonly drills: (page?: Page) => Promise<ListOfHosts<Drill>>;
  readonly keys: (page?: Page) => Promise<KeyList>;
  readonly rotations: (page?: Page) => Promise<ListOfHosts<Rotation>>;
  readonly audit: (page?: Page) => Promise<AuditList>;
  readonly request: (id: string) => Promise<RelayedRequest>;

  readonly runSchedule: (id: string, key: string, host?: Whose) => Promise<BackupRun | RelayedRequest>;
  readonly drill: (schedule: string, key: string) => Promise<Drill>;
  readonly pause: (id: string, key: string, host?: Whose) => Promise<Schedule | RelayedRequest>;
  readonly resume: (id: string, key: string, host?: Whose) => Promise<Schedule | RelayedRequest>;
  readonly skipNext: (id: string, key: string, host?: Whose) => Promise<Schedule | RelayedRequest>;
  readonly cancelRun: (id: string, key: string, host?: Whose) => Promise<Run | RelayedRequest>;
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
    hosts: () => get('hosts'),
    schedules: (page) => get('schedules', page),
    plan: (query) => get('plan', query),
    load: (query) => get('load', query),
    runs: (query) => get('runs', query),
    run: (id, host) => get(of('runs', id), { host }),
    runLog: (id, host) => get(of('runs', id, 'log'), { host }),
    backups: (query) => get('backups', query),
    backup: (id, host) => get(of('backups', id), { host }),
    manifest: (backup, host) => get(of('backups', backup, 'manifest'), { host }),
    drills: (page) => get('drills', page),
    keys: (page) => get('keys', page),
    rotations: (page) => get('rotations', page),
    audit: (page) => get('audit', page),
    request: (id) => get(of('requests', id)),

    runSchedule: (id, key, host) => post(of('schedules', id, 'run'), key, { query: { host } }),
    drill: (schedule, key) => post(of('schedules', schedule, 'drill'), key),
    pause: (id, key, host) => post(of('schedules', id, 'pause'), key, { query: { host } }),
    resume: (id, key, host) => post(of('schedules', id, 'resume'), key, { query: { host } }),
    skipNext: (id, key, host) => post(of('schedules', id, 'skip-next'), key, { query: { host } }),
    cancelRun: (id, key, host) => post(of('runs', id, 'cancel'), key, { query: { host } }),
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

/**
 * A list, page by page, until it ends, or as far as it is wanted. With what the last page says of more, where more is wanted than
 * may be asked for.
 */
export async function pagesOf<T>(
  ask: (page: Page) => Promise<ListOfHosts<T>>,
  mostPages = 50,
  isEnough: (items: readonly T[]) => boolean = () => false,
): Promise<ListOfHosts<T>> {
  const answers: ListOfHosts<T>[] = [];
  let cursor: string | undefined;
  do {
    const answer = await ask({ limit: 200, ...(cursor !== undefined && { cursor }) });
    answers.push(answer);
    cursor = isEnough(answer.items) ? undefined : answer.nextCursor;
  } while (cursor !== undefined && answers.length < mostPages);
  return {
    items: answers.flatMap(({ items }) => items),
    nextCursor: cursor,
    problems: answers.at(-1)?.problems,
  };
}

/** All of a list of the exporter's own host. */
export async function allOf<T>(ask: (page: Page) => Promise<ListOfHosts<T>>): Promise<readonly T[]> {
  return (await pagesOf(ask)).items;
}
