import type { RestError } from '@azure/storage-blob';
import type { ErrorCode } from '../../errors/codes.ts';
import { LowtideError, systemErrorCode } from '../../errors/lowtide-error.ts';

/** What the server or the network said, as the store's own refusal. `action` is `write a/b to store x (azure://…)`. */
export function azureRefusal(thrown: unknown, action: string): unknown {
  if (thrown instanceof LowtideError || !(thrown instanceof Error)) return thrown;
  const { code = thrown.name, status } = answerIn(thrown);
  const row = rows[code] ?? (status === undefined ? networkRow(thrown, code) : rowOf(status));
  if (row === undefined) return thrown;
  // The SDK's messages hold the exchange on further lines.
  const said = thrown.message.split('\n', 1)[0] ?? '';
  const where = status === undefined ? code : `${code}, ${status}`;
  return new LowtideError(row.code, `cannot ${action}: ${row.why ?? said} (${where})`, {
    ...(row.hint !== undefined && { hint: row.hint }),
    retryable: row.retryable ?? false,
    cause: Object.assign(new Error(said), { name: code }),
  });
}

/** What an answer of the server says by its code, or by its status where it has none. */
export function isAnswer(thrown: unknown, ...names: readonly string[]): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code = '', status } = answerIn(thrown);
  return status !== undefined && (names.includes(code) || names.includes(String(status)));
}

function answerIn(thrown: Error): { readonly code: string | undefined; readonly status: number | undefined } {
  const { statusCode: status, code, response } = thrown as Partial<RestError>;
  // The answer to a HEAD has no body: its code stands in a header.
  return { code: code ?? response?.headers.get('x-ms-error-code'), status };
}

interface Row {
  readonly code: ErrorCode;
  readonly why?: string;
  readonly hint?: string;
  readonly retryable?: boolean;
}

const denied: Row = {
  code: 'store_denied',
  why: 'access denied',
  hint: 'The role "Storage Blob Data Contributor" on the container is enough; a SAS needs racwdl. Is it still valid, and the clock of this host right?',
};
const full: Row = {
  code: 'store_full',
  why: 'no space is left',
  hint: 'Raise the quota, or keep fewer backups (keep in the schedule).',
};
const busy: Row = { code: 'store_unavailable', why: 'the server asks to slow down', retryable: true };
const damaged: Row = { code: 'store_unavailable', why: 'bytes were damaged on the way', retryable: true };
const protectedBlob: Row = {
  code: 'store_denied',
  why: 'it is protected by a policy of immutability, a legal hold or a lease',
};

const rows: Readonly<Record<string, Row>> = {
  ContainerNotFound: {
    code: 'store_unavailable',
    why: 'there is no such container',
    hint: 'Was it deleted, or is its name, the account or the endpoint wrong? Lowtide makes no containers.',
  },
  ContainerBeingDeleted: { code: 'store_unavailable', why: 'the container is being deleted' },
  AuthenticationFailed: denied,
  AuthorizationFailure: denied,
  AuthorizationPermissionMismatch: denied,
  InsufficientAccountPermissions: denied,
  AccountIsDisabled: { code: 'store_denied', why: 'the account is disabled' },
  BlobArchived: {
    code: 'store_denied',
    why: 'it lies in the archive tier',
    hint: 'Have it rehydrated first, and use a tier that can be read at once.',
  },
  BlobImmutableDueToPolicy: protectedBlob,
  LeaseIdMissing: protectedBlob,
  Md5Mismatch: damaged,
  Crc64Mismatch: damaged,
  // Another writer of the same name has thrown away the blocks of this one.
  InvalidBlockList: { code: 'store_unavailable', retryable: true },
  ServerBusy: busy,
  OperationTimedOut: { code: 'store_unavailable', retryable: true },
  AccountSizeLimitExceeded: full,
  InsufficientStorage: full,
  RequestBodyTooLarge: { code: 'store_full', why: 'the server holds no blob of this size' },
  CredentialUnavailableError: {
    code: 'store_denied',
    why: 'no credentials were found',
    hint: 'Set account_key, sas_token or connection_string, or AZURE_STORAGE_CONNECTION_STRING, or give the host an identity.',
  },
};

function rowOf(status: number): Row {
  if (status >= 500 || status === 429 || status === 408)
    return { code: 'store_unavailable', retryable: true };
  if (status === 401 || status === 403) return denied;
  if (status === 404) return { code: 'store_missing_object' };
  if (status === 409) return { code: 'store_unavailable', retryable: true };
  return { code: 'store_unavailable' };
}

function networkRow(thrown: Error, code: string): Row | undefined {
  if (/^(Credential|Authentication|AggregateAuthentication)/.test(thrown.name)) {
    return rows['CredentialUnavailableError'];
  }
  const system = systemErrorCode(thrown) ?? code;
  const isNetwork =
    networkCodes.has(system) ||
    /socket hang up|aborted|other side closed|premature close|ECONN|ENOTFOUND/i.test(thrown.message);
  if (!isNetwork) return undefined;
  return {
    code: 'store_unavailable',
    why: 'the server cannot be reached',
    hint: 'Is the server up, and is the endpoint right?',
    retryable: true,
  };
}

const networkCodes = new Set([
  'REQUEST_SEND_ERROR',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ERR_STREAM_PREMATURE_CLOSE',
  'TimeoutError',
  'AbortError',
]);
