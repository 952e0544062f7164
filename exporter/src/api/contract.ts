import type { z } from 'zod';
import type { auditEntry, auditList } from './schemas/audit.ts';
import type { backup, backupList, manifest, restoreRequest } from './schemas/backups.ts';
import type { campaign, campaignList, rotationOrCampaign } from './schemas/campaigns.ts';
import type { failure, problemSchema, progress } from './schemas/common.ts';
import type { planEvent, progressEvent, storedEvent } from './schemas/events.ts';
import type { drill, drillList } from './schemas/drills.ts';
import type { host, hostList, hostProblem, relayedRequest } from './schemas/hosts.ts';
import type { key, keyList, lostKey } from './schemas/keys.ts';
import type { load, plan, slot } from './schemas/plan.ts';
import type {
  anyRunOrRequest,
  backupRun,
  backupRunList,
  restoreRun,
  run,
  runLog,
  runOrRequest,
  verificationRun,
} from './schemas/runs.ts';
import type {
  newRotation,
  rotation,
  rotationList,
  rotationOutcome,
  rotationPlan,
} from './schemas/rotations.ts';
import type { newSchedule, schedule, scheduleChange, scheduleList } from './schemas/schedules.ts';
import type { status } from './schemas/status.ts';

/**
 * The requests and answers of the API as types: the package's `lowtide/api`, of which the Grafana plugin imports types
 * alone. Made of the same schemas as openapi.json.
 */
export type AnyRunOrRequest = z.output<typeof anyRunOrRequest>;
export type AuditEntry = z.output<typeof auditEntry>;
export type AuditList = z.output<typeof auditList>;
export type Backup = z.output<typeof backup>;
export type BackupList = z.output<typeof backupList>;
export type BackupRun = z.output<typeof backupRun>;
export type BackupRunList = z.output<typeof backupRunList>;
export type Campaign = z.output<typeof campaign>;
export type CampaignList = z.output<typeof campaignList>;
export type Drill = z.output<typeof drill>;
export type DrillList = z.output<typeof drillList>;
export type Failure = z.output<typeof failure>;
export type Host = z.output<typeof host>;
export type HostList = z.output<typeof hostList>;
export type HostProblem = z.output<typeof hostProblem>;
export type Key = z.output<typeof key>;
export type KeyList = z.output<typeof keyList>;
export type LostKey = z.output<typeof lostKey>;
export type Load = z.output<typeof load>;
export type Manifest = z.output<typeof manifest>;
export type NewRotation = z.input<typeof newRotation>;
export type NewSchedule = z.input<typeof newSchedule>;
export type Plan = z.output<typeof plan>;
export type PlanEvent = z.output<typeof planEvent>;
export type Problem = z.output<typeof problemSchema>;
export type Progress = z.output<typeof progress>;
export type ProgressEvent = z.output<typeof progressEvent>;
export type RelayedRequest = z.output<typeof relayedRequest>;
export type RestoreRequest = z.input<typeof restoreRequest>;
export type RestoreRun = z.output<typeof restoreRun>;
export type Rotation = z.output<typeof rotation>;
export type RotationList = z.output<typeof rotationList>;
export type RotationOrCampaign = z.output<typeof rotationOrCampaign>;
export type RotationOutcome = z.output<typeof rotationOutcome>;
export type RotationPlan = z.output<typeof rotationPlan>;
export type Run = z.output<typeof run>;
export type RunLog = z.output<typeof runLog>;
export type RunOrRequest = z.output<typeof runOrRequest>;
export type Schedule = z.output<typeof schedule>;
export type ScheduleChange = z.input<typeof scheduleChange>;
export type ScheduleList = z.output<typeof scheduleList>;
export type Slot = z.output<typeof slot>;
export type Status = z.output<typeof status>;
export type StoredEvent = z.output<typeof storedEvent>;
export type VerificationRun = z.output<typeof verificationRun>;

/** As a host says it of its own: which host that is, the answer adds. */
export type Own<T> = T extends unknown ? Omit<T, 'host'> : never;
export type OwnSlot = Own<Slot>;
export type OwnPlan = Omit<Plan, 'slots' | 'problems' | 'hostProblems'> & {
  slots: OwnSlot[];
  problems?: Own<NonNullable<Plan['problems']>[number]>[];
};
