import type { DumpedConfig, SourceConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { commandSource } from './command.ts';
import { directorySource } from './directory.ts';
import { mysqlSource } from './mysql.ts';
import { pgbackrestRepository } from './pgbackrest.ts';
import { postgresSource } from './postgres.ts';
import type { Repository } from './repository.ts';
import { resticRepository } from './restic.ts';
import type { Source } from './source.ts';
import { sqliteSource } from './sqlite.ts';

/**
 * What a schedule's `source:` describes: a source that is dumped, or a repository that another tool keeps. Opens and starts
 * nothing. Throws `config_invalid`.
 */
export function createSource(config: DumpedConfig): Source;
export function createSource(config: SourceConfig): Source | Repository;
export function createSource(config: SourceConfig): Source | Repository {
  switch (config.type) {
    case 'postgres':
      return postgresSource(config);
    case 'mysql':
      return mysqlSource(config);
    case 'sqlite':
      return sqliteSource(config);
    case 'directory':
      return directorySource(config);
    case 'pgbackrest':
      return pgbackrestRepository(config);
    case 'restic':
      return resticRepository(config);
    case 'command': {
      const [program, ...args] = config.argv;
      if (program === undefined || program === '') {
        throw new LowtideError('config_invalid', "the command's argv names no program");
      }
      return commandSource({ argv: [program, ...args], env: config.env });
    }
  }
}
