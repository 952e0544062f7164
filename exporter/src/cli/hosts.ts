import { hostView, loneHost } from '../api/host-view.ts';
import type { Host } from '../api/contract.ts';
import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { hostSummary } from '../service/host-summary.ts';
import { formatDuration } from '../units/duration.ts';
import { fromRfc3339 } from '../units/instant.ts';
import { version } from '../version.ts';
import { noteAudit } from './audit.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { shownTime } from './views.ts';

/** `lowtide hosts`: those that share the state with this one. */
export async function listHosts(context: CommandContext): Promise<ExitCode> {
  await using installation = await context.open();
  const hosts = await knownHosts(installation);
  const rows = hosts.map(({ instance, state, isSelf, isPlanner, lastSeenSeconds, summary, ...host }) => [
    isSelf ? `${instance} (this one)` : instance,
    isPlanner && hosts.length > 1 ? `${state}, plans` : state,
    `${formatDuration(Math.round(lastSeenSeconds) * 1000)} ago`,
    host.version,
    host.address,
    summary === undefined ? '' : String(summary.schedules),
    summary === undefined ? '' : String(summary.running),
    summary?.lastSuccessAt === undefined ? '' : shownTime(fromRfc3339(summary.lastSuccessAt)),
  ]);
  const head = ['HOST', 'STATE', 'HEARD OF', 'VERSION', 'ADDRESS', 'SCHEDULES', 'RUNNING', 'LAST SUCCESS'];
  context.output.answer(hosts, rows.length === 0 ? nobody : table(head, rows));
  return exitCodes.done;
}

const nobody = 'No host has entered yet: `lowtide serve` does, on each of them.';

/** `lowtide hosts forget NAME`: takes one off the list that is gone for good. */
export async function forgetHost(context: CommandContext, name: string): Promise<ExitCode> {
  await using installation = await context.open();
  const fleet = await installation.fleet?.open();
  const known = (await fleet?.hosts())?.find(({ instance }) => instance === name);
  if (fleet === undefined || known === undefined) {
    throw new LowtideError('not_found', `there is no host ${name}`, { hint: '`lowtide hosts` lists them.' });
  }
  if (!(await fleet.forget(name))) {
    throw new LowtideError('host_alive', `${name} is there, and would be back in a moment`, {
      hint: 'Stop the exporter on that host first.',
    });
  }
  await noteAudit(installation, { action: 'host.forget', subject: name });
  context.output.answer({ instance: name }, `${name} is off the list. What it has kept stays where it is.`);
  return exitCodes.done;
}

async function knownHosts(installation: Installation): Promise<readonly Host[]> {
  const { config, catalog, fleet: access } = installation;
  if (access === undefined) {
    const isPaused = async (id: string): Promise<boolean> => (await catalog.schedule(id)).paused;
    const address = config.server.listen;
    const self = { instance: config.instance, version, address };
    return [loneHost(self, await hostSummary(installation, isPaused))];
  }
  const fleet = await access.open();
  const summaries = await fleet.views.summaries();
  return (await fleet.hosts()).map((host) => hostView(host, config.instance, summaries));
}
