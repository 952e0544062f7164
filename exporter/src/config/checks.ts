import { isAbsolute, relative, resolve, sep } from 'node:path';
import { LowtideError } from '../errors/lowtide-error.ts';
import { parseListenAddress } from '../http/listen-address.ts';
import { parseMysqlUrl } from '../source/mysql/connection.ts';
import { parsePostgresUrl } from '../source/postgres/connection.ts';
import { isRepositoryType } from '../source/repository.ts';
import type { Draft, DraftSchedule } from './draft.ts';
import { isExcluded } from './exclusion.ts';
import type { Finding } from './explain.ts';
import { nearest } from '../errors/nearest.ts';
import { isMysqlUrl, isPostgresUrl, isUrl } from './location.ts';
import { formatPath, type ConfigPath } from './problem.ts';

/** What the checks know of the place where the file lies. */
export interface Place {
  /** Relative paths are meant from here. */
  readonly folder: string;
  /** Where a path leads once symbolic links are followed; the path itself where nothing is there yet. */
  realPath(path: string): string;
  /** The value at a path as a message may show it. */
  show(path: ConfigPath): string;
}

interface Remark {
  readonly path: ConfigPath;
  /** The rest of a sentence that begins with the value; a whole sentence where `isWhole`. */
  readonly message: string;
  readonly isWhole?: boolean;
  readonly at?: Finding['at'];
}

/** Mistakes that no key shows alone. */
export function crossCheck(draft: Draft, place: Place): readonly Finding[] {
  const schedules = draft.schedules.flatMap((schedule, index) =>
    schedule === undefined ? [] : [{ schedule, index }],
  );
  const remarks = [
    ...checkState(draft.state),
    ...checkListen(draft.server.listen),
    ...checkTokens(draft.server.tokens),
    ...checkRestoreTargets(draft.restore_targets),
    ...checkPools(draft),
    ...checkIds(draft),
    ...schedules.flatMap(({ schedule, index }) => checkSchedule(schedule, ['schedules', index], draft)),
    ...checkFolders(draft, place),
  ];
  return remarks.map(({ path, message, isWhole = false, at = 'value' }) => ({
    path,
    at,
    message: isWhole ? message : `${place.show(path)} ${message}`,
  }));
}

function checkState(state: string | undefined): readonly Remark[] {
  if (state === undefined || !isPostgresUrl(state)) return [];
  return refused(['state'], () => parsePostgresUrl(state));
}

function checkListen(listen: string | undefined): readonly Remark[] {
  return listen === undefined ? [] : refused(['server', 'listen'], () => parseListenAddress(listen));
}

function checkTokens(tokens: Draft['server']['tokens']): readonly Remark[] {
  return tokens.flatMap(({ name, token }, index) => {
    const before = tokens.slice(0, index);
    const path = ['server', 'tokens', index];
    if (name !== undefined && before.some((other) => other.name === name)) {
      return [{ path: [...path, 'name'], message: 'is the name of another token: give each one of its own' }];
    }
    if (token !== undefined && before.some((other) => other.token === token)) {
      const message = 'the token is the same as that of another name: nobody could tell the two apart';
      return [{ path: [...path, 'token'], message, isWhole: true }];
    }
    return [];
  });
}

function checkRestoreTargets(targets: Draft['restore_targets']): readonly Remark[] {
  return Object.entries(targets).flatMap(([name, { to }]) => {
    const path = ['restore_targets', name, 'to'];
    if (to === undefined || !isUrl(to)) return [];
    if (isPostgresUrl(to)) return refused(path, () => parsePostgresUrl(to));
    if (isMysqlUrl(to)) return refused(path, () => parseMysqlUrl(to));
    const message =
      'the URL is of no database that can be restored to: it begins with postgres:// or mysql://';
    return [{ path, message, isWhole: true }];
  });
}

function checkIds(draft: Draft): readonly Remark[] {
  const first = new Map<string, number>();
  return draft.schedules.flatMap((schedule, index) => {
    const id = schedule?.id;
    if (id === undefined) return [];
    const taken = first.get(id);
    if (taken === undefined) {
      first.set(id, index);
      return [];
    }
    const where = formatPath(['schedules', taken]);
    const message = `is the id of ${where} already: give each schedule a name of its own`;
    return [{ path: ['schedules', index, 'id'], message }];
  });
}

function checkSchedule(schedule: DraftSchedule, path: ConfigPath, draft: Draft): readonly Remark[] {
  return [
    ...checkRecurrence(schedule, path),
    ...checkUrl(schedule, [...path, 'source', 'url']),
    ...checkStoreNames(schedule, [...path, 'stores'], Object.keys(draft.stores)),
    ...checkKeptStores(schedule, [...path, 'keep', 'stores'], Object.keys(draft.stores)),
    ...checkRepository(schedule, path),
    ...checkDrills(schedule, [...path, 'verify']),
    ...checkName(schedule.host, [...path, 'host'], 'load.hosts', draft.load.hosts),
    ...checkName(schedule.network, [...path, 'network'], 'networks', draft.networks),
    ...checkName(schedule.server, [...path, 'server'], 'servers', draft.servers),
    ...checkPool(schedule.pool, [...path, 'pool'], draft),
  ];
}

function checkRecurrence({ every, cron }: DraftSchedule, path: ConfigPath): readonly Remark[] {
  if (every === undefined && cron === undefined) {
    const message = 'does not say when it is due: write every: 1d, or cron: "30 2 * * *"';
    return [{ path, message, isWhole: true }];
  }
  if (every === undefined || cron === undefined) return [];
  const message = 'stands beside every: keep one of the two';
  return [{ path: [...path, 'cron'], message, isWhole: true, at: 'key' }];
}

function checkUrl({ source }: DraftSchedule, path: ConfigPath): readonly Remark[] {
  const { type, url } = source;
  if (url === undefined || url === '') return [];
  // What stands behind an unencoded ? is read as parameters, whose names an error would quote.
  if (/\?.*@/.test(url)) {
    const message =
      'the database URL has an @ behind its ?. In user names and passwords, write ? as %3F and @ as %40.';
    return [{ path, message, isWhole: true }];
  }
  if (type === 'postgres') return refused(path, () => parsePostgresUrl(url));
  if (type === 'mysql') return refused(path, () => parseMysqlUrl(url));
  return [];
}

/** Another tool's repository takes the place of stores, seals by itself, and is restored from by that tool. */
function checkRepository(
  { source, stores, keep, verify }: DraftSchedule,
  path: ConfigPath,
): readonly Remark[] {
  const { type } = source;
  if (type === undefined || !isRepositoryType(type)) {
    if (stores !== undefined) return [];
    const message = 'is missing: where each backup is stored: names under stores';
    return [{ path: [...path, 'stores'], message, isWhole: true }];
  }
  const refuse = (key: readonly string[], message: string): Remark => ({
    path: [...path, ...key],
    message,
    isWhole: true,
    at: 'key',
  });
  const drilled = (['drill', 'drill_into', 'drill_checks'] as const).filter(
    (key) => verify?.[key] !== undefined,
  );
  return [
    ...(stores === undefined
      ? []
      : [refuse(['stores'], `${type} keeps the backups in a repository of its own: leave stores out`)]),
    ...(Object.keys(keep?.stores ?? {}).length === 0
      ? []
      : [
          refuse(
            ['keep', 'stores'],
            `${type} keeps the backups in one repository: there are no stores to tell apart`,
          ),
        ]),
    ...(verify?.full_read === undefined
      ? []
      : [refuse(['verify', 'full_read'], `${type} reads its own repository: see check of the source`)]),
    ...drilled.map((key) =>
      refuse(['verify', key], `${type} restores its own backups, and Lowtide makes no drills of them`),
    ),
    ...(type === 'restic' ? checkPassword(source, [...path, 'source']) : checkOwnRules(keep, path)),
  ];
}

/** pgBackRest knows no rules but those of its own configuration. */
function checkOwnRules(keep: DraftSchedule['keep'], path: ConfigPath): readonly Remark[] {
  if (keep === undefined) return [];
  const message =
    'pgBackRest forgets by its own configuration: leave keep out, and write repo1-retention-full and the like there';
  return [{ path: [...path, 'keep'], message, isWhole: true, at: 'key' }];
}

function checkPassword(source: DraftSchedule['source'], path: ConfigPath): readonly Remark[] {
  const { password, password_file: file } = source;
  if (password === undefined && file === undefined) {
    const message =
      'does not say how restic comes by its password: write password: ${file:…}, or password_file';
    return [{ path, message, isWhole: true }];
  }
  if (password === undefined || file === undefined) return [];
  const message = 'stands beside password: keep one of the two';
  return [{ path: [...path, 'password_file'], message, isWhole: true, at: 'key' }];
}

const databases = ['postgres', 'mysql', 'sqlite'];
const sourceTypes = [...databases, 'directory', 'command'];

/** What would be of no effect is a mistake. */
function checkDrills({ source: { type }, verify }: DraftSchedule, path: ConfigPath): readonly Remark[] {
  if (type === undefined || verify === undefined || !sourceTypes.includes(type)) return [];
  const { drill_into: into, drill_checks: checks } = verify;
  const ofKey = (key: string, message: string): Remark => ({
    path: [...path, 'drill_checks', key],
    message,
    isWhole: true,
    at: 'key',
  });
  return [
    ...checkDrillUrl(type, into, [...path, 'drill_into']),
    ...(checks?.rows === undefined || databases.includes(type)
      ? []
      : [ofKey('rows', `a source of type ${type} has no tables whose rows could be counted: use command`)]),
    ...(checks?.amcheck === undefined || type === 'postgres'
      ? []
      : [ofKey('amcheck', `pg_amcheck looks at PostgreSQL alone, and this source is of type ${type}`)]),
    ...(checks?.env === undefined || checks.command !== undefined
      ? []
      : [ofKey('env', 'there is no command beside it that these variables would be for')]),
  ];
}

function checkDrillUrl(type: string, url: string | undefined, path: ConfigPath): readonly Remark[] {
  if (url === undefined || url === '') return [];
  if (type === 'postgres' && isPostgresUrl(url)) return refused(path, () => parsePostgresUrl(url));
  if (type === 'mysql' && isMysqlUrl(url)) return refused(path, () => parseMysqlUrl(url));
  const message =
    type === 'postgres' || type === 'mysql'
      ? `what ${type} has backed up can be restored into a server of its kind alone`
      : `a source of type ${type} is restored into a folder (drills.folder), not into a server`;
  return [{ path, message, isWhole: true }];
}

function checkStoreNames(
  { stores = [] }: DraftSchedule,
  path: ConfigPath,
  known: readonly string[],
): readonly Remark[] {
  return stores.flatMap((store, index) => {
    if (store === undefined) return [];
    const at = [...path, index];
    if (stores.indexOf(store) < index)
      return [{ path: at, message: 'is named twice: one copy goes to each store' }];
    if (known.includes(store)) return [];
    return [{ path: at, message: `is not a name under stores: ${othersThan(store, known)}` }];
  });
}

function checkKeptStores(
  { keep }: DraftSchedule,
  path: ConfigPath,
  known: readonly string[],
): readonly Remark[] {
  return Object.keys(keep?.stores ?? {})
    .filter((store) => !known.includes(store))
    .map((store) => {
      const message = `is not a name under stores: ${othersThan(store, known)}`;
      return { path: [...path, store], message, isWhole: true, at: 'key' };
    });
}

function checkName(
  name: string | undefined,
  path: ConfigPath,
  under: string,
  names: Readonly<Record<string, unknown>>,
): readonly Remark[] {
  const known = Object.keys(names);
  if (name === undefined || known.includes(name)) return [];
  return [{ path, message: `is not a name under ${under}: ${othersThan(name, known)}` }];
}

const poolsNeed = 'pools need a PostgreSQL that hosts share: write state: postgres://…';

function checkPools({ pools, state }: Draft): readonly Remark[] {
  if (pools.length > 0 && isAlone(state)) {
    return [{ path: ['pools'], message: poolsNeed, isWhole: true, at: 'key' }];
  }
  return pools.flatMap((pool, index) =>
    pools.indexOf(pool) < index ? [{ path: ['pools', index], message: 'is named twice' }] : [],
  );
}

function checkPool(pool: string | undefined, path: ConfigPath, { pools, state }: Draft): readonly Remark[] {
  if (pool === undefined) return [];
  if (isAlone(state)) return [{ path, message: poolsNeed, isWhole: true }];
  if (pools.includes(pool)) return [];
  const known = [...new Set(pools)].filter((each) => each !== undefined);
  return [{ path, message: `is not one of pools, those of this host: ${othersThan(pool, known)}` }];
}

/** Whether the state lies where no other host has its own. */
function isAlone(state: string | undefined): boolean {
  return state !== undefined && !isPostgresUrl(state);
}

function othersThan(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const remedy = known.length === 0 ? 'there are none' : `there is ${known.join(', ')}`;
  return near === undefined ? remedy : `${remedy}. Did you mean ${near}?`;
}

/** A store inside of what it stores would grow without end; one inside of another would list the other's backups. */
function checkFolders(draft: Draft, place: Place): readonly Remark[] {
  const real = (path: string): string => place.realPath(resolve(place.folder, path));
  const stores = Object.entries(draft.stores).flatMap(([name, { path }]) =>
    path === undefined || path === '' ? [] : [{ name, folder: real(path), at: ['stores', name, 'path'] }],
  );
  const sources = draft.schedules.flatMap((schedule, index) => {
    const { type, path, exclude } = schedule?.source ?? {};
    if (type !== 'directory' || path === undefined || path === '') return [];
    return [{ folder: real(path), exclude: exclude ?? [], at: ['schedules', index, 'source', 'path'] }];
  });
  const remarks: Remark[] = [];
  for (const [index, store] of stores.entries()) {
    for (const other of stores.slice(0, index)) {
      const how = relation(store.folder, other.folder);
      if (how !== undefined) {
        remarks.push({
          path: store.at,
          message: `${how} store ${other.name}: give each store a folder of its own`,
        });
      }
    }
    for (const source of sources) {
      const inside = below(store.folder, source.folder);
      if (inside !== undefined && inside !== '' && !isExcluded(inside, source.exclude)) {
        const message = `holds store ${store.name}, and so would back up its own backups: exclude ${inside}/, or move the store`;
        remarks.push({ path: source.at, message });
      } else if (below(source.folder, store.folder) !== undefined) {
        const message = `lies in store ${store.name}: its backups would be backed up again`;
        remarks.push({ path: source.at, message });
      }
    }
  }
  return remarks;
}

function relation(folder: string, other: string): string | undefined {
  const inside = below(folder, other);
  if (inside === '') return 'is the folder of';
  if (inside !== undefined) return 'lies in the folder of';
  return below(other, folder) === undefined ? undefined : 'holds the folder of';
}

/** The way from `folder` down to `path`: '' where they are the same, undefined where it does not lead down. */
function below(path: string, folder: string): string | undefined {
  const way = relative(folder, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : way.split(sep).join('/');
}

function refused(path: ConfigPath, parse: () => unknown): readonly Remark[] {
  try {
    parse();
    return [];
  } catch (thrown) {
    if (!(thrown instanceof LowtideError) || thrown.code !== 'config_invalid') throw thrown;
    const hint = thrown.hint === undefined ? '' : `. ${thrown.hint}`;
    return [{ path, message: `${thrown.message}${hint}`, isWhole: true }];
  }
}
