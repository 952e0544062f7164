import type { CatalogReader } from '../catalog/catalog.ts';
import type { LowtideError } from '../errors/lowtide-error.ts';
import type { FleetCampaigns } from '../fleet/campaign.ts';
import type { FleetRequests, HostSummary, KnownHost } from '../fleet/fleet.ts';
import type { Own, OwnSlot, Schedule } from './contract.ts';

/** The hosts that share a state with this one, and what can be known and asked of them. Everything may throw a LowtideError. */
export interface OtherHosts {
  /** All that are known, this one among them, by name. */
  list(): Promise<readonly KnownHost[]>;
  /** By host, as each has published it. */
  summaries(): Promise<ReadonlyMap<string, HostSummary>>;
  /** False: it is still there. */
  forget(instance: string): Promise<boolean>;
  /** What a host keeps for itself. */
  catalog(instance: string): CatalogReader;
  /** The schedules of one host, or of all, by host and id, as each has published them; or why they cannot be read. */
  schedules(instance?: string): Promise<ReadonlyMap<string, Schedules | LowtideError>>;
  /** Published schedules of one host, with how things stand now. */
  asTheyStand(instance: string, schedules: readonly Own<Schedule>[]): Promise<readonly Own<Schedule>[]>;
  /** What one host, or each, is to run by the plan of all; or why that cannot be told. */
  slots(instance?: string): Promise<ReadonlyMap<string, readonly OwnSlot[] | LowtideError>>;
  ask: FleetRequests['ask'];
  request: FleetRequests['find'];
  beginCampaign: FleetCampaigns['begin'];
  cancelCampaign: FleetCampaigns['cancel'];
  campaign: FleetCampaigns['find'];
  /** Those that were asked for of any host, the last one first. */
  campaigns: FleetCampaigns['list'];
}

export type Schedules = ReadonlyMap<string, Own<Schedule>>;
