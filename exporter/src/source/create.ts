import type { SourceConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { commandSource } from './command.ts';
import { directorySource } from './directory.ts';
import { mysqlSource } from './mysql.ts';
import { postgresSource } from './postgres.ts';
import type { Source } from './source.ts';
import { sqliteSource } from './sqlite.ts';

/** The source that a schedule's `source:` describes. Opens and starts nothing. Throws `config_invalid`. */
export function createSource(config: SourceConfig): Source {
  switch (config.type) {
    case 'postgres':
      return postgresSource(config);
    case 'mysql':
      return mysqlSource(config);
    case 'sqlite':
      return sqliteSource(config);
    case 'directory':
      return directorySource(config);
    case 'command': {
      const [program, ...args] = config.argv;
      if (program === undefined || program === '') {
        throw new LowtideError('config_invalid', "the command's argv names no program");
      }
      return commandSource({ argv: [program, ...args], env: config.env });
    }
  }
}
