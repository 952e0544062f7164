import pg from 'pg';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';

/** What PostgreSQL says that means: not here, or not now. Source: postgresql.org/docs/current/errcodes-appendix.html. */
const lossStates = new Set([
  '25006', // read_only_sql_transaction: the primary has become a standby
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '53200', // out_of_memory
  '53300', // too_many_connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
]);
const busyStates = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available: lock_timeout
  '57014', // query_canceled: statement_timeout
]);

/** The SQLSTATE (`23505`) behind an error of the driver, or undefined. */
export function sqlState(thrown: unknown): string | undefined {
  if (thrown instanceof pg.DatabaseError) return thrown.code;
  return thrown instanceof LowtideError ? sqlState(thrown.cause) : undefined;
}

/** True where the connection is of no use any more: broken, silent, or to a server that is not the primary. */
export function isLoss(thrown: unknown): boolean {
  if (thrown instanceof LowtideError) return thrown.code === 'state_unavailable';
  if (!(thrown instanceof pg.DatabaseError)) return true;
  const state = thrown.code ?? '';
  return state.startsWith('08') || lossStates.has(state);
}

/** True for what no other host of the same cluster would answer differently. */
export function isDenial(thrown: unknown): boolean {
  const state = sqlState(thrown) ?? '';
  return state.startsWith('28') || state === '3D000' || state === '42501' || isAboutPassword(thrown);
}

/** What PostgreSQL or the way to it said, in Lowtide's words. LowtideErrors pass unchanged. */
export function postgresRefusal(thrown: unknown, label: string): LowtideError {
  if (thrown instanceof LowtideError) return thrown;
  const cause = thrown;
  const state = sqlState(thrown) ?? '';
  const message = messageOf(thrown);
  if (isDenial(thrown)) return denied(label, message, cause);
  if (isLoss(thrown)) {
    return new LowtideError('state_unavailable', `lost ${label}: ${message}`, {
      hint: 'PostgreSQL was stopped, has failed over, or the network between is gone. It is tried again.',
      retryable: true,
      cause,
    });
  }
  if (busyStates.has(state)) {
    return new LowtideError('state_busy', `${label} is busy: ${message}`, {
      hint: 'Another process has been writing for long. Try again.',
      retryable: true,
      cause,
    });
  }
  if (state === '53100') {
    return new LowtideError('state_full', `no room left on the disk of ${label}`, {
      hint: 'Free some space on the server of PostgreSQL; the state itself is whole.',
      cause,
    });
  }
  // Data that PostgreSQL finds damaged; tables, columns and functions that are not there.
  if (state.startsWith('XX') || state.startsWith('42') || state.startsWith('3F')) {
    return new LowtideError('state_invalid', `${label} is not as Lowtide has left it: ${message}`, {
      hint: 'Somebody has changed its tables, or its disk is damaged: restore the database from a backup of it.',
      cause,
    });
  }
  return new LowtideError('internal', `${label}: ${message}`, { cause });
}

function denied(label: string, message: string, cause: unknown): LowtideError {
  return new LowtideError('state_denied', `${label} refuses: ${message}`, {
    hint: 'Check user, password and database in the URL, pg_hba.conf of the server, and what the role was granted.',
    cause,
  });
}

/** pg's own words where a password is asked for and none is known. */
function isAboutPassword(thrown: unknown): boolean {
  return /password must be a (non-empty )?string/.test(messageOf(thrown));
}

/** Where a name has several addresses, what each of them said lies below. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(messageOf).join(', ');
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.message === '' ? (systemErrorCode(thrown) ?? thrown.name) : thrown.message;
}
