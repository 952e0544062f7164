import type { IncomingMessage, ServerResponse } from 'node:http';
import { LowtideError } from '../errors/lowtide-error.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import type { EventSource } from './commands.ts';
import type { PlanEvent, ProgressEvent } from './contract.ts';
import { eventView } from './views.ts';

/**
 * Server-sent events (html.spec.whatwg.org, 9.2). Events on record have their sequence as id, and nobody keeps them for a
 * client: each has its place in the log and reads on from there, so that a slow one costs no memory and a client that
 * comes back with `Last-Event-ID` misses none. Progress is not on record: who cannot take it just then does without.
 */
export interface EventStreamOptions {
  readonly source: EventSource;
  readonly now: () => EpochMs;
  readonly onError: (error: unknown) => void;
  /** At each look: tells whether who brought the token with a hash, or none, may follow still. */
  readonly letIn: () => Promise<(secretHash: string | undefined) => boolean>;
  readonly maxClients?: number;
  /** How often the log is looked at, while somebody listens. */
  readonly pollMs?: number;
  readonly heartbeatMs?: number;
  /** A client that takes nothing for so long is gone. */
  readonly stuckMs?: number;
}

interface Client {
  readonly response: ServerResponse;
  /** Of the token that it came with. */
  readonly secretHash: string | undefined;
  /** The last event that was sent. */
  sequence: number;
  /** When it stopped taking more; undefined while it takes. */
  stuckSince: EpochMs | undefined;
  /** What is behind its last event is being read: by one at a time, or it would be sent twice. */
  isReading: boolean;
}

interface EventText {
  readonly sequence: number;
  readonly text: string;
}

/** What is read in one look, by the event it stands behind. */
type Texts = Map<number, readonly EventText[]>;

/** Read at once, for one client that catches up. */
const batchSize = 200;

export class EventStreams implements Disposable {
  readonly #options: Required<EventStreamOptions>;
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | undefined;
  #lastHeartbeat: EpochMs = 0;
  #lastProgress = '';
  #lastPlan: number | undefined;
  #isLooking = false;

  constructor(options: EventStreamOptions) {
    this.#options = { maxClients: 250, pollMs: 500, heartbeatMs: 15_000, stuckMs: 60_000, ...options };
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Answers with the stream, from behind an event, or else from now on. Throws `too_many_clients`. */
  async open(
    request: IncomingMessage,
    response: ServerResponse,
    { lastEventId, secretHash }: Readonly<Record<'lastEventId' | 'secretHash', string | undefined>>,
  ): Promise<void> {
    const { maxClients, source, now } = this.#options;
    const latest = await source.latest();
    if (response.destroyed) return;
    if (this.#clients.size >= maxClients) {
      throw new LowtideError('too_many_clients', `${maxClients} clients follow the events already`, {
        hint: 'Poll GET runs/{id} instead, or try again later.',
        retryable: true,
      });
    }
    const header = request.headers['last-event-id'];
    const given =
      lastEventId ?? (typeof header === 'string' && /^\d{1,15}$/.test(header) ? header : undefined);
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // nginx would keep events back until it has a page of them.
      'X-Accel-Buffering': 'no',
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const client: Client = {
      response,
      secretHash,
      // A number from before the state was lost lies ahead of the log: that client begins anew.
      sequence: given === undefined ? latest : Math.min(Number(given), latest),
      stuckSince: undefined,
      isReading: false,
    };
    this.#clients.add(client);
    response.on('drain', () => {
      client.stuckSince = undefined;
      void this.#attempt(() => this.#catchUp(client));
    });
    response.once('close', () => this.#leave(client));
    this.#write(client, `retry: 3000\nid: ${client.sequence}\n: lowtide ${toRfc3339(now())}\n\n`);
    this.#timer ??= setInterval(() => void this.#attempt(() => this.#look()), this.#options.pollMs).unref();
    await this.#attempt(() => this.#catchUp(client));
  }

  /** Ends every stream; clients come back when there is somebody to come back to. */
  [Symbol.dispose](): void {
    for (const { response } of this.#clients) response.end();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.#options.onError(thrown);
    }
  }

  /** One at a time: where the catalog is slow the next is left out. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#lookNow();
    } finally {
      this.#isLooking = false;
    }
  }

  async #lookNow(): Promise<void> {
    const now = this.#options.now();
    this.#dropStuck(now);
    await this.#endRefused();
    const latest = await this.#options.source.latest();
    const behind = [...this.#clients].filter((client) => client.sequence < latest);
    const texts: Texts = new Map();
    for (const client of behind) await this.#catchUp(client, texts);
    this.#sendLive(now);
    if (now - this.#lastHeartbeat >= this.#options.heartbeatMs || now < this.#lastHeartbeat) {
      this.#lastHeartbeat = now;
      for (const client of this.#clients) this.#write(client, ': heartbeat\n\n');
    }
  }

  /** Sends what is on record behind the client's last event, as long as it takes it. */
  async #catchUp(client: Client, texts: Texts = new Map()): Promise<void> {
    if (client.isReading) return;
    client.isReading = true;
    try {
      while (this.#takes(client)) {
        const batch = await this.#batch(client.sequence, texts);
        for (const { sequence, text } of batch) {
          if (!this.#takes(client)) return;
          client.sequence = sequence;
          this.#write(client, text);
        }
        if (batch.length < batchSize) return;
      }
    } finally {
      client.isReading = false;
    }
  }

  /** Those who stand at the same place share what is read there. */
  async #batch(after: number, texts: Texts): Promise<readonly EventText[]> {
    const known = texts.get(after);
    if (known !== undefined) return known;
    const events = await this.#options.source.eventsAfter(after, batchSize);
    const batch = events.map((event) => ({
      sequence: event.sequence,
      text: `id: ${event.sequence}\nevent: ${event.body.name}\ndata: ${JSON.stringify(eventView(event))}\n\n`,
    }));
    texts.set(after, batch);
    return batch;
  }

  /** What is not on record: whoever does not take it now does without. */
  #sendLive(now: EpochMs): void {
    const at = toRfc3339(now);
    const { source } = this.#options;
    const progress = source.progress();
    const seen = JSON.stringify(progress);
    const events: (ProgressEvent | PlanEvent)[] =
      seen === this.#lastProgress ? [] : progress.map((each) => ({ ...each, at }));
    this.#lastProgress = seen;
    const plan = source.planVersion();
    if (this.#lastPlan !== undefined && plan !== this.#lastPlan) events.push({ name: 'plan:changed', at });
    this.#lastPlan = plan;
    if (events.length === 0) return;
    const text = events.map((event) => `event: ${event.name}\ndata: ${JSON.stringify(event)}\n\n`).join('');
    for (const client of this.#clients) this.#write(client, text);
  }

  #takes({ response, stuckSince }: Client): boolean {
    return stuckSince === undefined && response.writable;
  }

  #write(client: Client, text: string): void {
    if (!this.#takes(client)) return;
    if (!client.response.write(text)) client.stuckSince = this.#options.now();
  }

  #dropStuck(now: EpochMs): void {
    for (const { response, stuckSince } of this.#clients) {
      if (stuckSince !== undefined && now - stuckSince > this.#options.stuckMs) response.destroy();
    }
  }

  /** A token that was revoked, or has expired, opens nothing any more, and keeps nothing open. */
  async #endRefused(): Promise<void> {
    const isLetIn = await this.#options.letIn();
    for (const client of [...this.#clients]) {
      if (isLetIn(client.secretHash)) continue;
      client.response.end();
      this.#leave(client);
    }
  }

  #leave(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
