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

/** What the server or the network said, as the store's own refusal. `action` is `write a/b to store x (s3://bucket)`. */
export function s3Refusal(thrown: unknown, action: string): unknown {
  if (thrown instanceof LowtideError) return thrown;
  const answer = answerIn(thrown);
  if (answer === undefined) return networkRefusal(thrown, action);
  const { name, status, message } = answer;
  const known = refusalOf(answer);
  return new LowtideError(known.code, `cannot ${action}: ${known.why ?? message} (${name}, ${status})`, {
    ...(known.hint !== undefined && { hint: known.hint }),
    retryable: known.retryable ?? false,
    cause: plain(name, message),
  });
}

/** What an answer of the server says by its code, or by its status where it has no body. */
export function isAnswer(thrown: unknown, ...names: readonly string[]): boolean {
  const answer = answerIn(thrown);
  return answer !== undefined && (names.includes(answer.name) || names.includes(String(answer.status)));
}

interface ServerAnswer {
  readonly name: string;
  readonly status: number;
  readonly message: string;
  /** Where the bucket is, in an answer to those who looked elsewhere. */
  readonly region: string | undefined;
}

function answerIn(thrown: unknown): ServerAnswer | undefined {
  if (!(thrown instanceof Error) || !('$metadata' in thrown)) return undefined;
  const { httpStatusCode: status } = thrown.$metadata as { httpStatusCode?: number };
  if (status === undefined) return undefined;
  return { name: thrown.name, status, message: thrown.message, region: regionIn(thrown) };
}

function regionIn(thrown: Error): string | undefined {
  const { Region, $response } = thrown as {
    Region?: string;
    $response?: { headers?: Record<string, string> };
  };
  return Region ?? $response?.headers?.['x-amz-bucket-region'];
}

const elsewhere = ['AuthorizationHeaderMalformed', 'PermanentRedirect', 'IllegalLocationConstraintException'];

function refusalOf({ name, status, region }: ServerAnswer): Refusal {
  const moved = status === 301 || status === 307 || elsewhere.includes(name);
  return rows[name] ?? (moved ? otherRegion(region) : refusalOfStatus(status, denied));
}

function otherRegion(region: string | undefined): Refusal {
  const known = region !== undefined;
  return {
    code: 'store_unavailable',
    why: known ? `the bucket is in another region: ${region}` : 'the bucket is in another region',
    hint: known
      ? `Set region: ${region}`
      : "Set region to the bucket's own; the console of the provider shows it.",
  };
}
const denied: Refusal = {
  code: 'store_denied',
  why: 'access denied',
  hint: 'The key needs GetObject, PutObject, DeleteObject, AbortMultipartUpload and ListBucketMultipartUploads on the prefix, and ListBucket on the bucket.',
};
const credentials: Refusal = {
  code: 'store_denied',
  why: 'the credentials are not right',
  hint: 'Compare access_key_id and secret_access_key (or what the environment, the shared files or the role give) with the console of the provider.',
};
const rows: Readonly<Record<string, Refusal>> = {
  NoSuchBucket: {
    code: 'store_unavailable',
    why: 'there is no such bucket',
    hint: 'Was it deleted, or is its name, the endpoint or the region wrong? Lowtide makes no buckets.',
  },
  InvalidAccessKeyId: credentials,
  SignatureDoesNotMatch: credentials,
  InvalidToken: credentials,
  ExpiredToken: {
    code: 'store_denied',
    why: 'the credentials have expired',
    hint: 'Renew them. Those that expire are best left to the chain of the SDK (a role, a profile), which renews them by itself.',
  },
  // The SDK has taken the server's time from the answer, and signs with it from now on.
  RequestTimeTooSkewed: {
    code: 'store_unavailable',
    why: "the clock of this host is more than 15 minutes off the server's",
    hint: 'Set the clock (timedatectl set-ntp true).',
    retryable: true,
  },
  InvalidObjectState: {
    code: 'store_denied',
    why: 'it lies in an archive class',
    hint: 'Have the provider restore it first (restore-object), and use a storage class that can be read at once.',
  },
  BadDigest: damaged,
  InvalidDigest: damaged,
  XAmzContentSHA256Mismatch: damaged,
  IncompleteBody: damaged,
  SlowDown: busy,
  RequestTimeout: passing,
  QuotaExceeded: full,
  InsufficientStorage: full,
  XMinioStorageFull: full,
  XMinioAdminBucketQuotaExceeded: full,
  EntityTooLarge: { code: 'store_full', why: 'the server holds no object of this size' },
  NotImplemented: {
    code: 'store_unavailable',
    why: 'the server does not know this request',
    hint: 'Some servers know no checksums: set checksums: none.',
  },
};

function networkRefusal(thrown: unknown, action: string): unknown {
  if (!(thrown instanceof Error)) return thrown;
  if (thrown.name === 'CredentialsProviderError' || thrown.name === 'TokenProviderError') {
    return new LowtideError('store_denied', `cannot ${action}: no credentials were found`, {
      hint: 'Set access_key_id and secret_access_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role.',
      cause: plain(thrown.name, thrown.message),
    });
  }
  const code = systemErrorCode(thrown) ?? thrown.name;
  if (thrown.message.startsWith('Checksum mismatch')) {
    return new LowtideError(
      'store_unavailable',
      `cannot ${action}: bytes were damaged on the way or in the store`,
      {
        retryable: true,
      },
    );
  }
  if (!isNetworkTrouble(code, thrown.message)) return thrown;
  return new LowtideError('store_unavailable', `cannot ${action}: ${code}`, {
    hint: 'Is the server up, and is the endpoint right?',
    retryable: true,
    cause: plain(code, thrown.message),
  });
}

/** The SDK's own errors hold the exchange, with what signs it. */
function plain(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
