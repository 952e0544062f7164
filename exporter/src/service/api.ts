import { readdirSync, readFileSync } from 'node:fs';
import { credentialsOf, stillLetIn, type Credential } from '../api/authenticate.ts';
import type { EventSource, LiveProgress } from '../api/commands.ts';
import type { Progress } from '../api/contract.ts';
import { EventStreams } from '../api/event-stream.ts';
import { unlessAway } from '../errors/away.ts';
import { Guard, type GuardLimits } from '../http/guard.ts';
import { cancelAsTask, notePrune, rotateAsTask } from '../api/campaign-task.ts';
import { actForOther } from '../api/relay.ts';
import { apiRouter } from '../api/router.ts';
import type { AuditBody, AuditEntry } from '../catalog/access.ts';
import type { RelayedAnswer, WaitingRequest } from '../fleet/fleet.ts';
import type { MountedRouter } from '../http/app.ts';
import { Background } from './background.ts';
import type { LowTide } from './low-tide.ts';
import { Rotations } from './rotations.ts';
import { ServiceCommands, type CommandsOptions } from './commands.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';
import type { TaskWork } from './fleet/campaign-tasks.ts';
import { otherHosts } from './fleet/other-hosts.ts';
import { report } from './report.ts';
import type { WorkKind } from './work.ts';

export interface ServiceApiOptions extends Omit<CommandsOptions, 'background' | 'rotations'> {
  readonly lowTide: LowTide;
  readonly planVersion: () => number;
  readonly log: Logger;
  /** The service waits for these when it stops. */
  readonly track: (work: Promise<void>) => Promise<void>;
  /** Whether an answer that is not as described is withheld, as tests want it. */
  readonly isStrict: boolean;
  /** Absent: those of everyday use. */
  readonly limits?: Partial<GuardLimits>;
}

export interface ServiceApi extends Disposable {
  readonly router: MountedRouter;
  readonly commands: ServiceCommands;
  /** Does what another host was asked for this one. */
  readonly act: (request: WaitingRequest) => Promise<RelayedAnswer>;
  /** Does this host's tasks among what several were asked to do. */
  readonly taskWork: TaskWork;
}

const liveProgress: Readonly<Record<WorkKind, (id: string, progress: Progress) => LiveProgress>> = {
  run: (runId, progress) => ({ name: 'run:progress', runId, progress }),
  rotation: (rotationId, progress) => ({ name: 'rotation:progress', rotationId, progress }),
  drill: (drillId, progress) => ({ name: 'drill:progress', drillId, progress }),
};

/** The API of a service; disposing ends the streams of events. */
export async function serviceApi(options: ServiceApiOptions): Promise<ServiceApi> {
  const { installation, log, registry, lowTide, track } = options;
  const { catalog, clock, fleet } = installation();
  const now = (): number => clock.now();
  const others = fleet && otherHosts(fleet);
  const credentials = async (): Promise<readonly Credential[]> =>
    credentialsOf(installation().config.server.tokens, await catalog.access.tokens());
  const background = new Background({ installation, registry, log, track });
  await unlessAway(background.recover());
  installation().standIn?.whenBack(() => background.recover());
  const commands = new ServiceCommands({
    ...options,
    background,
    rotations: new Rotations({ installation, registry, lowTide, track }),
  });
  const onError = (error: unknown): void => report(log, error, 'a request could not be answered');
  const onAudit = ({ sequence, hash, body }: AuditEntry): void =>
    log.info({ audit: { sequence, ...body, hash } }, `audit: ${body.action}`);
  const onAuditLost = (body: AuditBody, error: unknown): void =>
    log.error(
      { audit: body, err: describe(error) },
      `audit, which could not be put on record: ${body.action}`,
    );
  const source: EventSource = {
    latest: () => catalog.latestSequence(),
    eventsAfter: (sequence, limit) => catalog.eventsAfter(sequence, limit),
    progress: () => registry.progress().map(({ id, kind, progress }) => liveProgress[kind](id, progress)),
    planVersion: options.planVersion,
  };
  if ((await unlessAway(credentials()))?.length === 0) {
    const hint = 'lowtide token create --role operator NAME makes one';
    log.info(
      { hint },
      'there is no token: this host may read the API, and nobody may change anything through it',
    );
  }
  const events = new EventStreams({ source, now, onError, letIn: () => stillLetIn({ credentials, now }) });
  const router = apiRouter({
    catalog,
    commands,
    others,
    authentication: {
      credentials,
      guard: new Guard(() => performance.now(), options.limits),
      now,
      onBlocked: (address) => log.warn({ from: address }, 'too many bad tokens: not listened to for a while'),
    },
    events,
    answers: {
      isStrict: options.isStrict,
      onMismatch: (route, problem) =>
        log.error({ route, problem }, 'an answer is not as openapi.json has it'),
    },
    corsOrigins: () => installation().config.server.cors_origins,
    onAudit,
    onAuditLost,
    onError,
  });
  const trail = { access: catalog.access, now, onAudit, onAuditLost };
  const performing = { catalog, commands, others, trail, onError };
  return {
    commands,
    act: (request) => actForOther(request, performing),
    taskWork: {
      ...{ installation, registry, track },
      rotate: (task, isBegun) => rotateAsTask(task, isBegun, performing),
      cancelRotation: (id, asking) => cancelAsTask(id, asking, performing),
      notePrune: (task, outcome) => notePrune(task, outcome, performing),
    },
    router: {
      path: '/api/v1',
      router,
      link: {
        href: '/api/v1/openapi.json',
        text: 'API',
        description: 'Its description, as OpenAPI 3.1; it says what needs a token.',
      },
    },
    [Symbol.dispose]: () => events[Symbol.dispose](),
  };
}

/** All that ships with the package: problems and alerts point at some of the pages, and these at the others. */
export function servedDocs(): Readonly<Record<string, string>> {
  const folder = new URL('../../docs/', import.meta.url);
  const pages = readdirSync(folder).filter((name) => name.endsWith('.md'));
  return Object.fromEntries(
    pages.map((name) => [`/docs/${name}`, readFileSync(new URL(name, folder), 'utf8')]),
  );
}
