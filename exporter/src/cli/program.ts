import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { keyPurposes } from '../keys/keystore.ts';
import { logFormats, logLevels } from '../service/log-options.ts';
import { version } from '../version.ts';
import { verifyAudit } from './audit.ts';
import { backup } from './backup.ts';
import { listBackups, verifyBackups } from './backups.ts';
import { rebuild } from './catalog.ts';
import { showCampaigns } from './campaign.ts';
import { checkConfig } from './check-config.ts';
import { action, type Terminal } from './command.ts';
import { drill, listDrills } from './drill.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { healBackups } from './heal.ts';
import { forgetHost, listHosts } from './hosts.ts';
import { init } from './init.ts';
import { destroyKey, exportKey, importKey, listKeys, newKey, retireKey } from './keys.ts';
import { load } from './load.ts';
import { plan } from './plan.ts';
import { pruneBackups, safeAge } from './prune.ts';
import { replaySpan } from './replay.ts';
import { restore } from './restore.ts';
import { rotate } from './rotate.ts';
import type { ServeCommandOptions } from './serve.ts';
import { migrateState } from './state.ts';
import { checkStoreNamed } from './stores.ts';
import { createToken, listTokens, revokeToken } from './token.ts';

/** Every command with its words; what they do stands in the file of the same name. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('lowtide')
    .description('Encrypted backups at low tide: made when the host is quiet, proven, and measured.')
    .version(version)
    .addOption(
      new Option('-c, --config <file>', 'the config file').env('LOWTIDE_CONFIG').default('lowtide.yaml'),
    )
    .option('--json', 'answer with one JSON document on standard output', false)
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
    .showHelpAfterError('(lowtide --help tells more)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage or config, 3 done with parts that failed.',
    );

  program
    .command('serve')
    .description('run schedules when they are due, and serve /metrics')
    .option(
      '--web.listen-address <host:port>',
      'where to listen, may be given several times; default: server.listen of the config',
      (address: string, others: readonly string[] | undefined) => [...(others ?? []), address],
    )
    .option('--web.config.file <file>', "TLS and passwords, in the format of Prometheus' exporter-toolkit")
    .addOption(new Option('--log.level <level>', 'what is logged').choices(logLevels).default('info'))
    .addOption(
      new Option('--log.format <format>', 'how; default: pretty on a terminal, else json').choices(
        logFormats,
      ),
    )
    .option('--quickstart', 'without a config: make up some data and back it up')
    .action(
      action(terminal, async (context, options: ServeCommandOptions) => {
        // The HTTP side is half of the program, and no other command has to wait for it.
        const { serve } = await import('./serve.ts');
        return await serve(context, options);
      }),
    );

  program
    .command('init')
    .description(
      'write a first config, a passphrase, an API token and a key; never over anything that exists',
    )
    .argument('[folder]', 'where to', '.')
    .option('--source <folder>', 'what the first schedule backs up; default: the folder itself')
    .option(
      '--recover <store>',
      'begin anew with what a store holds: a folder, s3://BUCKET/PREFIX?region=…&endpoint=…, or azure://CONTAINER/PREFIX?account=…',
    )
    .option('--identity <file>', 'for --recover: the recovery key, or another that opens the backups')
    .action(action(terminal, init));

  program
    .command('check-config')
    .description('check the config, and change nothing')
    .action(action(terminal, checkConfig));

  program
    .command('backup')
    .description('make a backup now')
    .argument('<schedule>', 'the id of a schedule')
    .action(action(terminal, backup));

  program
    .command('plan')
    .description('what will run when, and why then')
    .argument('[schedule]', 'this one alone, with the starts that its own were preferred to')
    .option('--hours <count>', 'how far ahead, at most a month (744)', hoursAhead, 48)
    .option('--all', `every start, not each schedule's next five`)
    .option(
      '--replay <duration>',
      'look back instead, as in 14d: what Lowtide would have gained over a fixed time',
      replaySpan,
    )
    .option('--host <name>', 'with --replay: the schedules of this host under load.hosts, by its load')
    .action(action(terminal, plan));

  program
    .command('load')
    .description('how busy this host was, and when it is quiet')
    .option('--hours <count>', 'how far back', positive, 168)
    .option('--host <name>', 'of this host under load.hosts')
    .action(action(terminal, load));

  const hosts = program
    .command('hosts')
    .description('the hosts that share the state with this one')
    .action(action(terminal, listHosts));
  hosts
    .command('forget')
    .description('take a host that is gone for good off the list')
    .argument('<name>', 'its `instance`')
    .action(action(terminal, forgetHost));

  program
    .command('campaigns')
    .description('what all hosts were asked to do, each a task of it')
    .argument('[id]', 'one of them, with each task')
    .option('--cancel', 'have each host end its task as it is')
    .action(action(terminal, showCampaigns));

  const backups = program
    .command('backups')
    .description('list what is stored')
    .option('--schedule <id>', 'of this schedule only')
    .option('--key <id>', 'sealed to this key only')
    .option('--pruned', 'those that were pruned as well')
    .option('--limit <count>', 'at most so many', positive, Infinity)
    .action(action(terminal, listBackups));
  backups
    .command('verify')
    .description('read copies back, open them, and compare')
    .argument('[id]', 'a backup')
    .option('--all', 'every backup')
    .action(action(terminal, verifyBackups));
  backups
    .command('prune')
    .description('remove what the keep rules no longer keep')
    .option('--dry-run', 'only say what would be removed, and why')
    .option('--orphans', 'instead: show what lies in the stores and belongs to no backup')
    .option('--old-versions', 'instead: show what versioned buckets keep of what was replaced or deleted')
    .option('--remove', 'with --orphans or --old-versions: remove what may go')
    .option('--all-hosts', 'on all hosts that share the state, each what lies with it')
    .addOption(
      new Option('--older-than <duration>', 'with --orphans or --old-versions: leave what is younger')
        .argParser(safeAge)
        .default(86_400_000, '1d'),
    )
    .action(action(terminal, pruneBackups));

  backups
    .command('heal')
    .description('make copies good that failed, are damaged or are missing, from those that are good')
    .argument('[id]', 'of this backup only')
    .option('--dry-run', 'only say which would be made')
    .action(action(terminal, healBackups));

  program
    .command('restore')
    .description('bring a backup back')
    .argument('<id>', 'a backup')
    .requiredOption('--to <target>', 'a folder, a file, or the URL of a database')
    .option('--force', 'replace what is there')
    .action(action(terminal, restore));

  program
    .command('drill')
    .description('restore the newest backup of a schedule for practice, look at it, and remove it again')
    .argument('<schedule>', 'the id of a schedule')
    .option('--backup <id>', 'this backup instead')
    .action(action(terminal, drill));
  program
    .command('drills')
    .description('list the drills that were made')
    .option('--schedule <id>', 'of this schedule only')
    .option('--limit <count>', 'at most so many', positive, 50)
    .action(action(terminal, listDrills));

  const keys = program
    .command('keys')
    .description('list keys, and what depends on them')
    .action(action(terminal, listKeys));
  keys
    .command('new')
    .description('make a key; new backups are sealed to it')
    .addOption(
      new Option('--kind <kind>', 'hybrid withstands quantum computers, and needs age 1.3 to open by hand')
        .choices(['x25519', 'hybrid'])
        .default('x25519'),
    )
    .action(action(terminal, newKey));
  keys
    .command('import')
    .description('take over an identity')
    .argument('<file>', 'as age-keygen writes it')
    .addOption(
      new Option(
        '--purpose <purpose>',
        'backup: new backups may be sealed to it; recovery: for when all others are lost; restore: only to open what was sealed elsewhere; default: recovery for one of recovery_recipients, else backup',
      ).choices(keyPurposes),
    )
    .action(action(terminal, importKey));
  keys
    .command('retire')
    .description('take a key out of use')
    .addArgument(keyArgument())
    .action(action(terminal, retireKey));
  keys
    .command('destroy')
    .description('remove the secret of a retired key for good')
    .addArgument(keyArgument())
    .option('--confirm <id>', 'the key once more')
    .action(action(terminal, destroyKey));
  keys
    .command('export')
    .description('write a recovery file')
    .addArgument(keyArgument())
    .requiredOption('--output <file>', 'a new file; - is standard output, for a printer')
    .action(action(terminal, exportKey));

  program
    .command('rotate')
    .description('give stored backups to a new key, which new ones use from then on')
    .addOption(
      new Option(
        '--mode <mode>',
        'rewrap: new headers, at once, for hygiene; reencrypt: all content anew, against a key that leaked',
      )
        .choices(['rewrap', 'reencrypt'])
        .default('rewrap'),
    )
    .option('--days-back <days>', 'leave older backups as they are', positive)
    .option('--limit-rate <MiB/s>', 're-encrypt at most so much a second', positive)
    .option('--at-low-tide', 'wait while the host is busier than load.high_water, for a day at most')
    .option('--dry-run', 'only say what would be done')
    .option('--resume', 'go on with the last rotation that was not completed')
    .option('--all-hosts', 'on all hosts that share the state, each what lies with it')
    .action(action(terminal, rotate));

  program
    .command('catalog')
    .description('look after the catalog')
    .command('rebuild')
    .description('bring it back from what lies in the stores')
    .action(action(terminal, rebuild));

  program
    .command('state')
    .description('look after where the state is kept')
    .command('migrate')
    .description(
      'copy the state between a folder and a PostgreSQL, and compare; the config is yours to change',
    )
    .option(
      '--from <state>',
      'a folder, or postgres://… (with a password: ${env:NAME}, ${file:PATH}); default: state of the config',
    )
    .requiredOption('--to <state>', 'the same, where there is no state yet')
    .action(action(terminal, migrateState));

  program
    .command('stores')
    .description('look after the stores')
    .command('check')
    .description(
      'try on a store itself whether it does what backups rely on; what it puts there is removed again',
    )
    .argument('<name>', 'a store of the config')
    .action(action(terminal, checkStoreNamed));

  const token = program
    .command('token')
    .description('who may use the API')
    .action(action(terminal, listTokens));
  token
    .command('create')
    .description('make a token; it is shown once, and kept as a hash')
    .argument('<name>', 'for the audit log')
    .addOption(
      new Option(
        '--role <role>',
        'viewer reads, operator runs and rotates, admin restores and changes as well',
      )
        .choices(['viewer', 'operator', 'admin'])
        .makeOptionMandatory(),
    )
    .option('--expires <duration>', 'for how long it is valid, as in 90d; default: until it is revoked')
    .action(action(terminal, createToken));
  token.command('list').description('list tokens, never their secret').action(action(terminal, listTokens));
  token
    .command('revoke')
    .description('let a token open nothing any more')
    .argument('<name>', 'a token, as `lowtide token list` has it')
    .action(action(terminal, revokeToken));

  program
    .command('audit')
    .description('look after the audit log')
    .command('verify')
    .description('check that no entry was changed, removed or put in between')
    .option('--head <hash>', 'a hash that was noted elsewhere, and must still be there')
    .action(action(terminal, verifyAudit));

  exitWithUs(program);
  return program;
}

function keyArgument(): Argument {
  return new Argument('<id>', 'a key, as `lowtide keys` lists it');
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number above zero.');
  return Number(text);
}

/** Longer ahead nothing is known, and of what is due each minute there would be no end. */
function hoursAhead(text: string): number {
  const hours = positive(text);
  if (hours > 744) throw new InvalidArgumentError('It must be at most 744, a month.');
  return hours;
}

/** Commander would exit with 1 on wrong usage; ours is 2. It throws instead, and main.ts turns that into the code. */
function exitWithUs(command: Command): void {
  command.exitOverride();
  for (const each of command.commands) exitWithUs(each);
}

/** Commander's own codes are 0 for help that was asked for, and 1 for every mistake. */
export function usageExitCode(commanderCode: number): ExitCode {
  return commanderCode === 0 ? exitCodes.done : exitCodes.usage;
}
