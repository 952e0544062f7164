import type { EpochMs } from '../units/instant.ts';

/**
 * The queue between the plan and those who carry it out. A job is one occurrence of a schedule: who plans offers it, who
 * owns it claims it, and it ends exactly once: as finished, missed or lost.
 *
 * One clock counts, and it is the queue's: of this host where the queue is a file, of the database where it is
 * PostgreSQL. No method takes the caller's time, so that hosts whose clocks differ by minutes judge slots, deadlines and
 * silence alike. What comes in as a moment (slot, deadline) is compared with that clock alone.
 */
export interface Queue extends AsyncDisposable {
  /**
   * Has these done. An occurrence that waits already takes over the new slot, deadline, priority and attempts; one that
   * was claimed, or has ended in whatever way, stays as it is: nothing is ever offered twice. One that was withdrawn
   * waits again. What should have begun longer than `memoryMs` ago is passed over, since it may have been forgotten.
   */
  offer(offers: readonly Offer[]): Promise<void>;

  /** Takes back what still waits of a schedule that was removed or changed; what is claimed goes on. How many it was. */
  withdraw(owner: Owner, schedule: string): Promise<number>;

  /**
   * Takes up to `limit` jobs whose slot has come and whose deadline has not: of the instance's own host first, then of its
   * pools in the order given; within each the most urgent first. What is `offered`, of the claimer's own or its pools', is offered
   * in the same breath: nobody can take it or move its slot in between. Then nothing else is taken, which others might be asking for.
   */
  claim(claimer: Claimer, limit: number, offered?: readonly Offer[]): Promise<Claim[]>;

  /** Says that the claim is alive. Throws `claim_lost`, as do the three below, once the job is no longer this claim's. */
  beat(claim: Claim): Promise<void>;

  /** The same; and where it fell silent, and the job waits since for anybody to claim it, that is this claim's again. */
  takeBack(claim: Claim): Promise<void>;

  /** The work is done, well or badly: `outcome` says which. The job ends. */
  finish(claim: Claim, outcome: string): Promise<void>;

  /**
   * Gives the job back, to be claimed by anybody from `notBefore` on. It does not count as an attempt. `why`: the reason where nobody begins it
   * any more.
   */
  release(claim: Claim, notBefore: EpochMs, why?: HeldUp): Promise<void>;

  /**
   * Judges what time has judged: waiting jobs past their deadline are missed; claims without a beat for `silenceMs` are
   * offered again with the next attempt, or lost after the last. Answers those that changed. Any host may do this, also
   * several at once.
   */
  sweep(silenceMs: number): Promise<Job[]>;

  /** Treats every claim of an instance as fallen silent: its process is gone, as one that takes its place knows at once. */
  reclaim(instance: string): Promise<Job[]>;

  /**
   * Ends a job without its claim: the host that has done it could not say so. Whatever else the job was thought to be (waiting,
   * missed, lost, given out again) it is `finished` now. False: nothing was known of it.
   */
  conclude(job: Occurrence, outcome: string): Promise<boolean>;

  /** Missed and lost jobs that nobody has acknowledged: what a host that was killed had no time to report is here again. */
  reports(owners: readonly Owner[]): Promise<Job[]>;

  /** They are written down elsewhere, and are reported no more. */
  acknowledge(jobs: readonly Occurrence[]): Promise<void>;

  /** All that is known of these owners, by slot; or only those in some states. */
  jobs(owners: readonly Owner[], states?: readonly JobState[]): Promise<Job[]>;

  job(occurrence: Occurrence): Promise<Job | undefined>;

  /** How far each schedule has come; nothing for one of which no job was ever claimed, or has ended. */
  progress(schedules: readonly OwnedSchedule[]): Promise<ReadonlyMap<string, Progress>>;

  /** Deletes what has ended, is acknowledged, and should have begun more than twice `memoryMs` ago. How many it was. */
  forget(): Promise<number>;
}

/** Who may do it: the one host, or any of those that belong to the pool. */
export type Owner = { readonly host: string } | { readonly pool: string };

/** What makes a job this one and no other. */
export interface Occurrence {
  readonly owner: Owner;
  readonly schedule: string;
  readonly dueAt: EpochMs;
}

export type OwnedSchedule = Pick<Occurrence, 'owner' | 'schedule'>;

export interface Progress {
  /** Up to this occurrence its jobs are in somebody's hands, or have ended. */
  readonly takenUpTo: EpochMs;
  /** When the newest of them ended with the outcome `completed`. */
  readonly completedAt?: EpochMs;
}

export interface Offer extends Occurrence {
  /** Not to begin before. */
  readonly slot: EpochMs;
  /** Not to begin at or after. */
  readonly deadline: EpochMs;
  /** 0 to 3; the greater goes first, and among equals the earlier deadline. */
  readonly priority: number;
  /** How many claims may fall silent before the job is lost. */
  readonly attempts: number;
  /** What keeps who offers it from beginning it: why it is missed where nobody else begins it. */
  readonly heldUpBy?: HeldUp;
}

export interface HeldUp {
  readonly code: string;
  /** Gives way to what others have said before; that it was begun and cut off counts more than anything. */
  readonly isWeak: boolean;
}

export interface Claimer {
  readonly instance: string;
  readonly pools: readonly string[];
}

export interface Claim extends Offer {
  readonly claimer: string;
  /** 1 at first, and one more for each claim before that fell silent. */
  readonly attempt: number;
  /** Fences: unique to this claim. Whoever writes for the job elsewhere compares it too. */
  readonly token: string;
}

export type JobState = 'waiting' | 'claimed' | 'finished' | 'missed' | 'lost' | 'withdrawn';

export interface Job extends Offer {
  readonly state: JobState;
  readonly attempt: number;
  /** Who has, or had, the newest claim. */
  readonly claimer: string | undefined;
  readonly reason: { readonly code: string; readonly text: string } | undefined;
  readonly endedAt: EpochMs | undefined;
}

/** How long it is certain that an occurrence is not taken for a new one. */
export const memoryMs = 30 * 24 * 3_600_000;

/** The `reason` of a job that was begun and cut off: its claim fell silent, or was released for that. */
export const claimSilent = 'claim_silent';
/** Of one that was missed, where nobody has said what it was held up by. */
export const deadlinePassed = 'deadline_passed';
