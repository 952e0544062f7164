import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FleetRequest, FleetRun } from '../schedule/fleet.ts';
import { planDue, planFleetDue } from '../schedule/plan-due.ts';
import type { PlannedSlot, PlanRequest } from '../schedule/planner.ts';
import { planView, type PlanView } from './plan-view.ts';

type Asked =
  | { readonly wants: 'slots' | 'view'; readonly request: PlanRequest }
  | { readonly wants: 'fleet'; readonly request: FleetRequest };

export interface PlanQuestion {
  readonly id: number;
  readonly asked: Asked;
}

export interface PlanAnswer {
  readonly id: number;
  readonly slots?: readonly PlannedSlot[];
  readonly view?: PlanView;
  readonly runs?: readonly FleetRun[];
}

const workerUrl = new URL(`./plan-worker${extname(import.meta.url)}`, import.meta.url);
/** Up to here it is a matter of milliseconds: a thread would cost more. Hundreds take a second, in which nothing else is done. */
const fewJobs = 100;
/** A thread that has nothing to do costs memory. */
const idleMs = 60_000;

/** Makes plans, those of many jobs in a thread of its own, so that requests are answered meanwhile. */
export class PlanThread implements AsyncDisposable {
  readonly #asked = new Map<
    number,
    { readonly question: PlanQuestion; readonly resolve: (answer: PlanAnswer | Promise<PlanAnswer>) => void }
  >();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last = 0;

  /** At once where there are few jobs. */
  slots(request: PlanRequest): readonly PlannedSlot[] | Promise<readonly PlannedSlot[]> {
    if (isOfFew(request)) return planDue(request).slots;
    return this.#ask({ wants: 'slots', request }).then(({ slots = [] }) => slots);
  }

  /** With the reasons of each, in the words of the API. */
  async view(request: PlanRequest): Promise<PlanView> {
    if (isOfFew(request)) return planView(planDue(request));
    const { view } = await this.#ask({ wants: 'view', request });
    return view ?? planView(planDue(request));
  }

  /** Of many hosts; in the order of the hosts, each in the order of its starts. */
  async fleet(request: FleetRequest): Promise<readonly FleetRun[]> {
    const jobs = request.hosts.values().reduce((sum, host) => sum + host.jobs.length, 0);
    if (jobs <= fewJobs) return runsOf(request);
    const { runs } = await this.#ask({ wants: 'fleet', request });
    return runs ?? runsOf(request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    await this.#worker?.terminate();
  }

  #ask(asked: Asked): Promise<PlanAnswer> {
    const question = { id: (this.#last += 1), asked };
    const { promise, resolve } = Promise.withResolvers<PlanAnswer>();
    this.#asked.set(question.id, { question, resolve });
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    this.#worker.postMessage(question);
    return promise;
  }

  #start(): Worker {
    const worker = new Worker(workerUrl, { name: 'lowtide-plan', execArgv: [] });
    worker.unref();
    worker.on('message', (answer: PlanAnswer) => this.#answer(answer));
    // A thread that could not do it must not keep backups from being made: then it is done here.
    worker.on('error', () => this.#giveUp(worker));
    worker.on('exit', () => this.#giveUp(worker));
    return worker;
  }

  #answer(answer: PlanAnswer): void {
    this.#asked.get(answer.id)?.resolve(answer);
    this.#asked.delete(answer.id);
    if (this.#asked.size > 0) return;
    this.#idle = setTimeout(() => this.#letGo(), idleMs).unref();
  }

  #letGo(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #giveUp(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const left = [...this.#asked.values()];
    this.#asked.clear();
    for (const { question, resolve } of left) resolve(Promise.try(() => answerTo(question)));
  }
}

function isOfFew({ jobs, beside = [] }: PlanRequest): boolean {
  return jobs.length + beside.length <= fewJobs;
}

/** What the thread answers, and what is answered in its stead. */
export function answerTo({ id, asked }: PlanQuestion): PlanAnswer {
  if (asked.wants === 'fleet') return { id, runs: runsOf(asked.request) };
  const plan = planDue(asked.request);
  return asked.wants === 'slots' ? { id, slots: plan.slots } : { id, view: planView(plan) };
}

function runsOf(request: FleetRequest): readonly FleetRun[] {
  return [...planFleetDue(request).slots.values()].flat();
}
