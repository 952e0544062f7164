import type { Problem } from 'lowtide/api';
import type { Message } from '../words/words.ts';

/** Why a request had no answer that could be used, and what to say about it. */
export interface RequestFailure {
  readonly kind: FailureKind;
  /** Of HTTP; 0 where none came back. */
  readonly status: number;
  readonly message: Message;
  /** What the exporter said itself, in English. */
  readonly problem?: Problem;
}

/**
 * `noSession`: Grafana itself does not answer; `unreachable`, `timeout`: its server cannot reach the exporter; `off`: the app
 * is not enabled, or the exporter's address not set; `token`: the exporter does not take it; `grafanaRole`, `refused`: Grafana, or
 * the exporter, does not let this user; `foreign`: what answers is no Lowtide, or one that is too old; `said`: it said no.
 */
export type FailureKind =
  'noSession' | 'unreachable' | 'timeout' | 'off' | 'token' | 'grafanaRole' | 'refused' | 'foreign' | 'said';

export class RequestError extends Error {
  readonly failure: RequestFailure;

  constructor(failure: RequestFailure) {
    super(failure.problem?.detail ?? failure.message.key);
    this.name = 'RequestError';
    this.failure = failure;
  }
}

/** What Grafana's `fetch` fails with. */
export interface FetchFailure {
  readonly status?: number | undefined;
  readonly statusText?: string;
  readonly data?: unknown;
}

export function failureOf({ status = 0, data }: FetchFailure): RequestFailure {
  const problem = problemIn(data);
  if (problem !== undefined) return { ...ofProblem(problem), status, problem };
  return { ...ofStatus(status, messageIn(data)), status };
}

/** What is shown of an answer that is not what the exporter's answers are. */
export function foreignAnswer(status: number): RequestFailure {
  return { kind: 'foreign', status, message: { key: 'failure.foreign' } };
}

type Told = Pick<RequestFailure, 'kind' | 'message'>;

function ofProblem({ code, detail }: Problem): Told {
  const values = { detail };
  switch (code) {
    case 'unauthenticated':
      return { kind: 'token', message: { key: 'failure.token', values } };
    case 'forbidden':
      return { kind: 'refused', message: { key: 'failure.refused', values } };
    case undefined:
    default:
      return { kind: 'said', message: { key: 'failure.said', values } };
  }
}

function ofStatus(status: number, grafanaSays: string): Told {
  switch (status) {
    case 0:
      return { kind: 'noSession', message: { key: 'failure.noSession' } };
    case 401:
      return { kind: 'grafanaRole', message: { key: 'failure.signedOut' } };
    case 403:
      return { kind: 'grafanaRole', message: { key: 'failure.grafanaRole' } };
    // So says Grafana of an app that is off and of a path that no route has; an exporter says it in a problem.
    case 404:
      return /plugin|not found/i.test(grafanaSays)
        ? { kind: 'off', message: { key: 'failure.off' } }
        : { kind: 'foreign', message: { key: 'failure.foreign' } };
    case 502:
    case 503:
      return { kind: 'unreachable', message: { key: 'failure.unreachable' } };
    case 504:
      return { kind: 'timeout', message: { key: 'failure.timeout' } };
    // Grafana cannot make an address of what is set.
    case 500:
      return { kind: 'off', message: { key: 'failure.address' } };
    default:
      return { kind: 'foreign', message: { key: 'failure.status', values: { status: String(status) } } };
  }
}

function problemIn(data: unknown): Problem | undefined {
  return isRecord(data) && typeof data['detail'] === 'string' && typeof data['title'] === 'string'
    ? (data as Problem)
    : undefined;
}

function messageIn(data: unknown): string {
  return isRecord(data) && typeof data['message'] === 'string' ? data['message'] : '';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
