import type { z } from 'zod';
import type { Action } from './actions.ts';
import { auditList, auditQuery } from './schemas/audit.ts';
import { backup, backupList, backupsQuery, manifest, restoreRequest } from './schemas/backups.ts';
import { campaign, campaignList, campaignsQuery, rotationOrCampaign } from './schemas/campaigns.ts';
import { drill, drillList, drillsQuery } from './schemas/drills.ts';
import { instance } from './schemas/common.ts';
import { eventsQuery } from './schemas/events.ts';
import { hostList, hostQuery, hostsQuery, relayedRequest } from './schemas/hosts.ts';
import { key, keyList, keysQuery } from './schemas/keys.ts';
import { load, loadQuery, plan, planQuery } from './schemas/plan.ts';
import {
  newRotation,
  rotateQuery,
  rotation,
  rotationList,
  rotationOutcome,
  rotationsQuery,
} from './schemas/rotations.ts';
import {
  anyRunOrRequest,
  backupRun,
  backupRunList,
  relayableQuery,
  restoreRun,
  run,
  runLog,
  runOrRequest,
  runsQuery,
  verificationRun,
  waitQuery,
} from './schemas/runs.ts';
import { newSchedule, schedule, scheduleChange, scheduleList, schedulesQuery } from './schemas/schedules.ts';
import { status } from './schemas/status.ts';

/** What every route says of itself: openapi.json, the router, the roles and the tests are made of this table. */
export interface Route {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** As in OpenAPI; the one parameter there is is `{id}`. */
  readonly path: `/${string}`;
  readonly summary: string;
  /** What the caller must be allowed to do. */
  readonly action: Action;
  /** Its name in the audit log; of what changes something. */
  readonly audit?: string;
  /** What `{id}` may be; absent: what ids are made of. */
  readonly id?: z.ZodType;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** By status; without a schema: no content. */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema?: z.ZodType }>>;
}

export const routes = {
  getStatus: {
    method: 'get',
    path: '/status',
    summary: 'What runs here, how it is, and what the caller may do',
    action: 'read',
    answers: { 200: { description: 'The status.', schema: status } },
  },

  listHosts: {
    method: 'get',
    path: '/hosts',
    summary: 'The hosts that share the state with this one, by name; with a folder as state: this one',
    action: 'read',
    query: hostsQuery,
    answers: { 200: { description: 'A page.', schema: hostList } },
  },
  forgetHost: {
    method: 'delete',
    path: '/hosts/{id}',
    summary: 'Take a host that is gone for good off the list; what it has kept stays',
    action: 'hosts',
    audit: 'host.forget',
    id: instance,
    answers: { 204: { description: 'It is gone.' } },
  },
  getRequest: {
    method: 'get',
    path: '/requests/{id}',
    summary: 'What another host was asked to do, and what came of it',
    action: 'read',
    answers: { 200: { description: 'The request.', schema: relayedRequest } },
  },

  listCampaigns: {
    method: 'get',
    path: '/campaigns',
    summary: 'What several hosts were asked to do, each a task of it; the one asked for last first',
    action: 'read',
    query: campaignsQuery,
    answers: { 200: { description: 'A page.', schema: campaignList } },
  },
  getCampaign: {
    method: 'get',
    path: '/campaigns/{id}',
    summary: 'One of these, with what has become of each task',
    action: 'read',
    answers: { 200: { description: 'The campaign.', schema: campaign } },
  },
  cancelCampaign: {
    method: 'post',
    path: '/campaigns/{id}/cancel',
    summary: 'Have each host end its task as it is; what is over stays as it is',
    action: 'rotate',
    audit: 'campaign.cancel',
    answers: { 202: { description: 'Each is being ended.', schema: campaign } },
  },

  listSchedules: {
    method: 'get',
    path: '/schedules',
    summary: 'All schedules, by id',
    action: 'read',
    query: schedulesQuery,
    answers: { 200: { description: 'A page.', schema: scheduleList } },
  },
  getSchedule: {
    method: 'get',
    path: '/schedules/{id}',
    summary: 'One schedule',
    action: 'read',
    query: hostQuery,
    answers: { 200: { description: 'The schedule.', schema: schedule } },
  },
  addSchedule: {
    method: 'post',
    path: '/schedules/{id}',
    summary: 'Add a schedule that backs up the source of one in the config file',
    action: 'schedules',
    audit: 'schedule.add',
    body: newSchedule,
    answers: { 201: { description: 'The new schedule.', schema: schedule } },
  },
  changeSchedule: {
    method: 'patch',
    path: '/schedules/{id}',
    summary: 'Change a schedule that was added through the API',
    action: 'schedules',
    audit: 'schedule.change',
    body: scheduleChange,
    answers: { 200: { description: 'The schedule as it is now.', schema: schedule } },
  },
  removeSchedule: {
    method: 'delete',
    path: '/schedules/{id}',
    summary: 'Remove a schedule that was added through the API; its backups stay',
    action: 'schedules',
    audit: 'schedule.remove',
    answers: { 204: { description: 'It is gone.' } },
  },
  runSchedule: {
    method: 'post',
    path: '/schedules/{id}/run',
    summary: 'Make a backup now',
    action: 'run',
    audit: 'schedule.run',
    query: relayableQuery,
    answers: {
      202: {
        description:
          'It has begun: GET runs/{id} tells how it goes. Or another host is asked: GET requests/{id} does.',
        schema: runOrRequest,
      },
      200: { description: 'With wait=true: it has ended; status tells how.', schema: backupRun },
    },
  },
  drillSchedule: {
    method: 'post',
    path: '/schedules/{id}/drill',
    summary: 'Restore its newest backup for practice now',
    action: 'verify',
    audit: 'schedule.drill',
    query: waitQuery,
    answers: {
      202: { description: 'It has begun: GET drills/{id} tells how it goes.', schema: drill },
      200: { description: 'With wait=true: it has ended; status tells how.', schema: drill },
    },
  },
  pauseSchedule: {
    method: 'post',
    path: '/schedules/{id}/pause',
    summary: 'Run it no more until it is resumed',
    action: 'pause',
    audit: 'schedule.pause',
    query: hostQuery,
    answers: {
      200: { description: 'The schedule as it is now.', schema: schedule },
      202: { description: 'Another host is asked: GET requests/{id} tells.', schema: relayedRequest },
    },
  },
  resumeSchedule: {
    method: 'post',
    path: '/schedules/{id}/resume',
    summary: 'Run it again when it is due',
    action: 'pause',
    audit: 'schedule.resume',
    query: hostQuery,
    answers: {
      200: { description: 'The schedule as it is now.', schema: schedule },
      202: { description: 'Another host is asked: GET requests/{id} tells.', schema: relayedRequest },
    },
  },
  skipNext: {
    method: 'post',
    path: '/schedules/{id}/skip-next',
    summary: 'Pass over the next occurrence',
    action: 'skip',
    audit: 'schedule.skip',
    query: hostQuery,
    answers: {
      200: { description: 'The schedule as it is now.', schema: schedule },
      202: { description: 'Another host is asked: GET requests/{id} tells.', schema: relayedRequest },
    },
  },

  getPlan: {
    method: 'get',
    path: '/plan',
    summary: 'What will run when, and why there',
    action: 'read',
    query: planQuery,
    answers: { 200: { description: 'The plan.', schema: plan } },
  },
  getLoad: {
    method: 'get',
    path: '/load',
    summary: 'How busy the host was, and is expected to be',
    action: 'read',
    query: loadQuery,
    answers: { 200: { description: 'What is known.', schema: load } },
  },

  listRuns: {
    method: 'get',
    path: '/runs',
    summary: 'Backup runs, the one begun last first',
    action: 'read',
    query: runsQuery,
    answers: { 200: { description: 'A page.', schema: backupRunList } },
  },
  getRun: {
    method: 'get',
    path: '/runs/{id}',
    summary: 'A backup run, a verification or a restore, with its progress while it goes on',
    action: 'read',
    query: hostQuery,
    answers: { 200: { description: 'The run.', schema: run } },
  },
  getRunLog: {
    method: 'get',
    path: '/runs/{id}/log',
    summary: 'What a backup run has told of itself so far, step by step',
    action: 'read',
    query: hostQuery,
    answers: { 200: { description: 'The log.', schema: runLog } },
  },
  cancelRun: {
    method: 'post',
    path: '/runs/{id}/cancel',
    summary: 'End it; a backup run leaves nothing behind',
    action: 'cancel',
    audit: 'run.cancel',
    query: hostQuery,
    answers: {
      202: {
        description: 'It is being ended, or another host is asked: GET requests/{id} tells.',
        schema: anyRunOrRequest,
      },
    },
  },

  listBackups: {
    method: 'get',
    path: '/backups',
    summary: 'Backups, newest first',
    action: 'read',
    query: backupsQuery,
    answers: { 200: { description: 'A page.', schema: backupList } },
  },
  getBackup: {
    method: 'get',
    path: '/backups/{id}',
    summary: 'One backup',
    action: 'read',
    query: hostQuery,
    answers: { 200: { description: 'The backup.', schema: backup } },
  },
  getManifest: {
    method: 'get',
    path: '/backups/{id}/manifest',
    summary: 'What lies beside it in every store: parts, sizes, hashes, recipients',
    action: 'read',
    query: hostQuery,
    answers: { 200: { description: 'The manifest.', schema: manifest } },
  },
  verifyBackup: {
    method: 'post',
    path: '/backups/{id}/verify',
    summary: 'Read every copy back, open it, and compare',
    action: 'verify',
    audit: 'backup.verify',
    query: waitQuery,
    answers: {
      202: { description: 'It has begun: GET runs/{id} tells how it goes.', schema: verificationRun },
      200: { description: 'With wait=true: it has ended; status tells how.', schema: verificationRun },
    },
  },
  restoreBackup: {
    method: 'post',
    path: '/backups/{id}/restore',
    summary: 'Restore it into a target that the config names',
    action: 'restore',
    audit: 'backup.restore',
    query: waitQuery,
    body: restoreRequest,
    answers: {
      202: { description: 'It has begun: GET runs/{id} tells how it goes.', schema: restoreRun },
      200: { description: 'With wait=true: it has ended; status tells how.', schema: restoreRun },
    },
  },

  listDrills: {
    method: 'get',
    path: '/drills',
    summary: 'Restores for practice, the one begun last first',
    action: 'read',
    query: drillsQuery,
    answers: { 200: { description: 'A page.', schema: drillList } },
  },
  getDrill: {
    method: 'get',
    path: '/drills/{id}',
    summary: 'One restore drill, with its progress while it goes on',
    action: 'read',
    query: hostQuery,
    answers: { 200: { description: 'The drill.', schema: drill } },
  },
  cancelDrill: {
    method: 'post',
    path: '/drills/{id}/cancel',
    summary: 'End it, and remove what it has restored',
    action: 'cancel',
    audit: 'drill.cancel',
    answers: { 202: { description: 'It is being ended.', schema: drill } },
  },

  listKeys: {
    method: 'get',
    path: '/keys',
    summary: 'Encryption keys, oldest first, and what depends on them',
    action: 'read',
    query: keysQuery,
    answers: { 200: { description: 'A page.', schema: keyList } },
  },
  retireKey: {
    method: 'post',
    path: '/keys/{id}/retire',
    summary: 'Take a key out of use that no backup needs',
    action: 'keys',
    audit: 'key.retire',
    answers: { 200: { description: 'The key as it is now.', schema: key } },
  },

  listRotations: {
    method: 'get',
    path: '/rotations',
    summary: 'Rotations of keys, the one begun last first',
    action: 'read',
    query: rotationsQuery,
    answers: { 200: { description: 'A page.', schema: rotationList } },
  },
  startRotation: {
    method: 'post',
    path: '/rotations',
    summary:
      'Give stored backups to a new key, here or on all hosts; with dryRun: only say what that would do',
    action: 'rotate',
    audit: 'rotation.start',
    query: rotateQuery,
    body: newRotation,
    answers: {
      202: {
        description:
          'It has begun: GET rotations/{id} tells how it goes. Or others are asked: GET campaigns/{id} does.',
        schema: rotationOrCampaign,
      },
      200: {
        description: 'With wait=true: it has ended; status tells how. With dryRun: the plan.',
        schema: rotationOutcome,
      },
    },
  },
  getRotation: {
    method: 'get',
    path: '/rotations/{id}',
    summary: 'One rotation, with its progress while it goes on',
    action: 'read',
    query: hostQuery,
    answers: { 200: { description: 'The rotation.', schema: rotation } },
  },
  cancelRotation: {
    method: 'post',
    path: '/rotations/{id}/cancel',
    summary: 'Stop it after the backups in hand; it can be resumed',
    action: 'rotate',
    audit: 'rotation.cancel',
    answers: { 202: { description: 'It is being stopped.', schema: rotation } },
  },
  resumeRotation: {
    method: 'post',
    path: '/rotations/{id}/resume',
    summary: 'Go on with one that was not completed',
    action: 'rotate',
    audit: 'rotation.resume',
    query: waitQuery,
    answers: {
      202: { description: 'It goes on: GET rotations/{id} tells how.', schema: rotation },
      200: { description: 'With wait=true: it has ended; status tells how.', schema: rotation },
    },
  },

  listAudit: {
    method: 'get',
    path: '/audit',
    summary: 'The audit log, newest first',
    action: 'read',
    query: auditQuery,
    answers: { 200: { description: 'A page.', schema: auditList } },
  },
  followEvents: {
    method: 'get',
    path: '/events',
    summary:
      'What happens, as it happens: server-sent events. Header Last-Event-ID: from the event behind that one',
    action: 'read',
    query: eventsQuery,
    answers: { 200: { description: 'A stream of text/event-stream that does not end.' } },
  },
} as const satisfies Record<string, Route>;
