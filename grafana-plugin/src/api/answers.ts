import type * as api from 'lowtide/api';
import type { OfHost } from '../hosts/hosts.ts';

/** The exporter's answers about what several hosts may have: the app says whose it is only where there are several. */
export type Backup = OfHost<api.Backup>;
export type BackupRun = OfHost<api.BackupRun>;
export type Drill = OfHost<api.Drill>;
export type Rotation = OfHost<api.Rotation>;
export type Schedule = OfHost<api.Schedule>;
export type Slot = OfHost<api.Slot>;
