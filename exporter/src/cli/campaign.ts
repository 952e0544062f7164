import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { campaignView, isOpen } from '../api/campaign-view.ts';
import type { Campaign as Shown } from '../api/contract.ts';
import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Campaign, CampaignTask, FleetCampaigns, NewCampaign } from '../fleet/campaign.ts';
import { counted } from '../units/count.ts';
import { formatSize } from '../units/size.ts';
import { noteAudit } from './audit.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';

const lookEveryMs = 1000;

/**
 * Asks all hosts that share the state, and follows what becomes of it until no host that is alive has anything left to do. Ctrl-C
 * ends the following, and nothing else.
 */
export async function askAllHosts(
  context: CommandContext,
  installation: Installation,
  action: 'rotation.start' | 'backups.prune',
  { kind, wish }: Pick<NewCampaign, 'kind' | 'wish'>,
): Promise<ExitCode> {
  const { config, fleet: access } = installation;
  if (access === undefined) {
    throw new LowtideError('usage', 'the state is a folder, which no other host shares', {
      hint: 'Leave out --all-hosts, or let hosts share a PostgreSQL: docs/several-hosts.md.',
    });
  }
  const { campaigns } = await access.open();
  const asked = { kind, wish, askedOf: config.instance, by: userInfo().username };
  const { id, tasks } = await campaigns.begin(randomUUID(), asked);
  await noteAudit(installation, { action, result: 'started', detail: `asked of all hosts: ${id}` });
  const { output } = context;
  output.note(`Campaign ${id}: ${counted(tasks.length, 'host')} asked. Each looks every ten seconds.`);
  const told = new Map<string, string>();
  for (;;) {
    const campaign = await campaigns.find(id);
    if (campaign === undefined) throw new LowtideError('not_found', `there is no campaign ${id} any more`);
    for (const task of campaign.tasks) {
      const line = `${task.instance}: ${progressOf(task)}`;
      if (task.state !== 'waiting' && told.get(task.instance) !== line) output.note(line);
      told.set(task.instance, line);
    }
    if (!campaign.tasks.some((task) => isOpen(task) && task.hostState === 'alive')) {
      return answer(context, campaignView(campaign));
    }
    await wait(context, installation, id);
  }
}

async function wait(
  { terminal, output }: CommandContext,
  { clock }: Installation,
  id: string,
): Promise<void> {
  try {
    await clock.wakeAt(clock.now() + lookEveryMs, terminal.signal);
  } catch (thrown) {
    output.note(`The hosts go on: \`lowtide campaigns ${id}\` says how it stands.`);
    throw thrown;
  }
}

/** `lowtide campaigns [id] [--cancel]`: what all hosts were asked to do, the last first; of one, each task. */
export async function showCampaigns(
  context: CommandContext,
  id: string | undefined,
  { cancel = false }: { readonly cancel?: boolean },
): Promise<ExitCode> {
  if (cancel && id === undefined) {
    throw new LowtideError('usage', 'which campaign is to be cancelled is missing', {
      hint: '`lowtide campaigns` lists them: then `lowtide campaigns ID --cancel`.',
    });
  }
  await using installation = await context.open();
  const campaigns = (await installation.fleet?.open())?.campaigns;
  if (id === undefined) {
    const listed = ((await campaigns?.list(undefined, mostListed)) ?? []).map(campaignView);
    const rows = listed.map(({ id: each, work, askedAt, by, summary }) => [
      each,
      work,
      askedAt,
      by,
      summaryOf(summary),
    ]);
    const head = ['CAMPAIGN', 'WORK', 'ASKED AT', 'BY', 'TASKS'];
    context.output.answer(listed, rows.length === 0 ? 'No campaign is on file.' : table(head, rows));
    return exitCodes.done;
  }
  const campaign = await (cancel ? end(installation, campaigns, id) : campaigns?.find(id));
  if (campaign !== undefined) return answer(context, campaignView(campaign));
  throw new LowtideError('not_found', `there is no campaign ${id}`, {
    hint: '`lowtide campaigns` lists them; those that are over are kept for 90 days.',
  });
}

async function end(
  installation: Installation,
  campaigns: FleetCampaigns | undefined,
  id: string,
): Promise<Campaign | undefined> {
  const asking = { askedOf: installation.config.instance, by: userInfo().username };
  const campaign = await campaigns?.cancel(id, asking);
  // One that is over stays as it is.
  if (campaign?.cancelled !== undefined) {
    await noteAudit(installation, { action: 'campaign.cancel', subject: id, result: 'started' });
  }
  return campaign;
}

const mostListed = 50;

function summaryOf(summary: Shown['summary']): string {
  return Object.entries(summary)
    .filter(([, tasks]) => tasks > 0)
    .map(([state, tasks]) => `${tasks} ${state}`)
    .join(', ');
}

function cancelledBy({ cancelled }: Shown): string {
  return cancelled === undefined ? '' : `, cancelled by ${cancelled.by} at ${cancelled.askedOf}`;
}

function progressOf({ state, counts, error }: Omit<CampaignTask, 'instance'>): string {
  const { done, pending, failed } = counts ?? {};
  const left = pending === undefined || pending.items === 0 ? '' : `, ${pending.items} left`;
  const lost = failed === undefined || failed.items === 0 ? '' : `, ${failed.items} failed`;
  const much = done === undefined ? '' : `: ${done.items} done (${formatSize(done.bytes)})${left}${lost}`;
  return `${state}${much}${error === undefined ? '' : `; ${error.message} (${error.code})`}`;
}

function answer({ output }: CommandContext, campaign: Shown): ExitCode {
  const rows = campaign.tasks.map(({ host, hostState = 'forgotten', state, done, failed, error }) => [
    host,
    hostState,
    state,
    done === undefined ? '' : `${done.items}, ${formatSize(done.bytes)}`,
    failed === undefined ? '' : String(failed.items),
    error === undefined ? '' : `${error.message} (${error.code})`,
  ]);
  output.answer(
    campaign,
    `Campaign ${campaign.id}${cancelledBy(campaign)}: ${summaryOf(campaign.summary)}.\n${table(['HOST', 'IS', 'TASK', 'DONE', 'FAILED', 'WHY'], rows)}`,
  );
  const waiting = campaign.tasks.filter((task) => isOpen(task) && task.hostState !== 'alive');
  if (waiting.length > 0) {
    const names = waiting.map(({ host, hostState }) => `${host} (${hostState})`).join(', ');
    const what = campaign.cancelled === undefined ? 'done' : 'ended';
    output.note(`To be ${what} once they are back: ${names}.`);
  }
  return exitOf(campaign);
}

function exitOf({ tasks, summary }: Shown): ExitCode {
  const { completed, partial, running, waiting } = summary;
  if (completed === tasks.length) return exitCodes.done;
  return completed + partial + running + waiting > 0 ? exitCodes.partly : exitCodes.failed;
}
