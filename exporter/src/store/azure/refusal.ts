import type { RestError } from '@azure/storage-blob';
import { LowtideError, systemErrorCode } from '../../errors/lowtide-error.ts';
import {
  busy,
  damaged,
  full,
  isNetworkTrouble,
  passing,
  refusalOfStatus,
  type Refusal,
} from '../objects/refusal.ts';

/** What the server or the network said, as the store's own refusal. `action` is `write a/b to store x (azure://…)`. */
export function azureRefusal(thrown: unknown, action: string): unknown {
  if (thrown instanceof LowtideError || !(thrown instanceof Error)) return thrown;
  const { code = thrown.name, status } = answerIn(thrown);
  const row =
    rows[code] ?? (status === undefined ? networkRow(thrown, code) : refusalOfStatus(status, denied));
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

const denied: Refusal = {
  code: 'store_denied',
  why: 'access denied',
  hint: 'The role "Storage Blob Data Contributor" on the container is enough; a SAS needs racwdl. Is it still valid, and the clock of this host right?',
};
const rows: Readonly<Record<string, Refusal>> = {
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
  BlobImmutableDueToPolicy: {
    code: 'store_locked',
    why: 'it is protected by a policy of immutability or a legal hold',
  },
  LeaseIdMissing: { code: 'store_denied', why: 'it is protected by a lease' },
  Md5Mismatch: damaged,
  Crc64Mismatch: damaged,
  // Another writer of the same name has thrown away the blocks of this one.
  InvalidBlockList: passing,
  ServerBusy: busy,
  OperationTimedOut: passing,
  AccountSizeLimitExceeded: full,
  InsufficientStorage: full,
  RequestBodyTooLarge: { code: 'store_full', why: 'the server holds no blob of this size' },
  CredentialUnavailableError: {
    code: 'store_denied',
    why: 'no credentials were found',
    hint: 'Set account_key, sas_token or connection_string, or AZURE_STORAGE_CONNECTION_STRING, or give the host an identity.',
  },
};

function networkRow(thrown: Error, code: string): Refusal | undefined {
  if (/^(Credential|Authentication|AggregateAuthentication)/.test(thrown.name)) {
    return rows['CredentialUnavailableError'];
  }
  const system = systemErrorCode(thrown) ?? code;
  const isNetwork = isNetworkTrouble(system, thrown.message) || /ECONN|ENOTFOUND/i.test(thrown.message);
  if (!isNetwork) return undefined;
  return {
    code: 'store_unavailable',
    why: 'the server cannot be reached',
    hint: 'Is the server up, and is the endpoint right?',
    retryable: true,
  };
}
