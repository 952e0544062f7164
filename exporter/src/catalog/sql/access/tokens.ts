import { LowtideError } from '../../../errors/lowtide-error.ts';
import type { EpochMs } from '../../../units/instant.ts';
import type { NewToken, Role, StoredToken } from '../../access.ts';
import type { Row, Transaction } from '../transaction.ts';

export async function addToken(tx: Transaction, token: NewToken): Promise<StoredToken> {
  // One that has expired makes room for its successor.
  await tx.run(
    `UPDATE tokens SET revoked_at = expires_at WHERE name = ? AND revoked_at IS NULL AND expires_at <= ?`,
    token.name,
    token.createdAt,
  );
  const taken = await tx.get('SELECT 1 FROM tokens WHERE name = ? AND revoked_at IS NULL', token.name);
  if (taken !== undefined) {
    throw new LowtideError('token_exists', `there is a token ${token.name} already`, {
      hint: `Choose another name, or revoke it first: lowtide token revoke ${token.name}`,
    });
  }
  await tx.run(
    'INSERT INTO tokens (name, role, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?)',
    token.name,
    token.role,
    token.hash,
    token.createdAt,
    token.expiresAt ?? null,
  );
  return token;
}

export async function listTokens(tx: Transaction): Promise<StoredToken[]> {
  return (await tx.all('SELECT * FROM tokens ORDER BY number')).map(toToken);
}

export async function revokeToken(tx: Transaction, name: string, at: EpochMs): Promise<StoredToken> {
  await tx.run('UPDATE tokens SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL', at, name);
  const row = await tx.get('SELECT * FROM tokens WHERE name = ? ORDER BY number DESC LIMIT 1', name);
  if (row !== undefined) return toToken(row);
  throw new LowtideError('not_found', `there is no token ${name}`, {
    hint: '`lowtide token list` has them; those of the config file are taken out there.',
  });
}

interface TokenRow {
  readonly name: string;
  readonly role: Role;
  readonly hash: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
}

function toToken(row: Row): StoredToken {
  const token = row as unknown as TokenRow;
  return {
    name: token.name,
    role: token.role,
    hash: token.hash,
    createdAt: token.created_at,
    ...(token.expires_at !== null && { expiresAt: token.expires_at }),
    ...(token.revoked_at !== null && { revokedAt: token.revoked_at }),
  };
}
