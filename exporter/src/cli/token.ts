import { randomBytes } from 'node:crypto';
import { hashToken } from '../api/authenticate.ts';
import type { Role, StoredToken } from '../catalog/access.ts';
import { duration, name as nameSchema } from '../config/scalars.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { fromRfc3339, toRfc3339, type EpochMs } from '../units/instant.ts';
import { noteAudit } from './audit.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { shownTime } from './views.ts';

export interface CreateOptions {
  readonly role: Role;
  readonly expires?: string;
}

/** `lowtide token create --role ROLE NAME`: shown once; the state has its hash alone. */
export async function createToken(
  context: CommandContext,
  name: string,
  { role, expires }: CreateOptions,
): Promise<ExitCode> {
  const validMs = expires === undefined ? undefined : readDuration(expires);
  if (!nameSchema.safeParse(name).success) {
    throw new LowtideError('usage', `${JSON.stringify(name)} cannot be the name of a token`, {
      hint: 'Use letters, digits, - and _, beginning with a letter or digit, at most 64.',
    });
  }
  await using installation = await context.open();
  const { catalog, clock, config } = installation;
  if (config.server.tokens.some((token) => token.name === name)) {
    throw new LowtideError('token_exists', `the config file has a token ${name} already`, {
      hint: 'Choose another name: nobody could tell the two apart in the audit log.',
    });
  }
  const token = `lowtide_${randomBytes(32).toString('base64url')}`;
  const createdAt = clock.now();
  const stored = await catalog.access.addToken({
    name,
    role,
    hash: hashToken(token),
    createdAt,
    ...(validMs !== undefined && { expiresAt: createdAt + validMs }),
  });
  const isFirst = config.server.tokens.length === 0 && (await catalog.access.tokens()).length === 1;
  if (isFirst) context.output.note('From now on every request to the API needs a token; /metrics does not.');
  await noteAudit(installation, { action: 'token.create', subject: name, detail: role });
  context.output.note(
    `The token ${name} (${role}) is shown this once: keep it where the one who needs it finds it.`,
  );
  context.output.answer({ ...tokenView(stored, createdAt), token }, token);
  return exitCodes.done;
}

/** `lowtide token list`: those of the state; those of the config file stand there. */
export async function listTokens(context: CommandContext): Promise<ExitCode> {
  await using installation = await context.open();
  const { catalog, clock, config } = installation;
  const now = clock.now();
  const stored = (await catalog.access.tokens()).map((token) => tokenView(token, now));
  const configured = config.server.tokens.map(({ name, role }): TokenView => ({
    name,
    role,
    state: 'config',
  }));
  const rows = [...configured, ...stored].map((token) => [
    token.name,
    token.role,
    token.state,
    shown(token.createdAt),
    shown(token.expiresAt),
  ]);
  context.output.answer(
    [...configured, ...stored],
    rows.length === 0
      ? 'There are no tokens: this host may read the API, and nobody may change anything through it.'
      : table(['TOKEN', 'ROLE', 'STATE', 'CREATED', 'EXPIRES'], rows),
  );
  return exitCodes.done;
}

/** `lowtide token revoke NAME`: at once, also in a service that runs. */
export async function revokeToken(context: CommandContext, name: string): Promise<ExitCode> {
  await using installation = await context.open();
  const { catalog, clock } = installation;
  const now = clock.now();
  const revoked = await catalog.access.revokeToken(name, now);
  await noteAudit(installation, { action: 'token.revoke', subject: name });
  context.output.answer(tokenView(revoked, now), `The token ${name} opens nothing any more.`);
  return exitCodes.done;
}

function readDuration(text: string): number {
  const read = duration.safeParse(text);
  if (read.success) return read.data;
  throw new LowtideError('usage', `${JSON.stringify(text)} is no duration`, {
    hint: 'As in 30d, 12h or 1y.',
  });
}

interface TokenView {
  readonly name: string;
  readonly role: Role;
  /** `config`: it stands in the config file. */
  readonly state: 'config' | 'valid' | 'expired' | 'revoked';
  readonly createdAt?: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
}

function shown(time: string | undefined): string {
  return time === undefined ? '' : shownTime(fromRfc3339(time));
}

function tokenView({ name, role, createdAt, expiresAt, revokedAt }: StoredToken, now: EpochMs): TokenView {
  const state = revokedAt !== undefined ? 'revoked' : (expiresAt ?? Infinity) <= now ? 'expired' : 'valid';
  return {
    name,
    role,
    state,
    createdAt: toRfc3339(createdAt),
    ...(expiresAt !== undefined && { expiresAt: toRfc3339(expiresAt) }),
    ...(revokedAt !== undefined && { revokedAt: toRfc3339(revokedAt) }),
  };
}
