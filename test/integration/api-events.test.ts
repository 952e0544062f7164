import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventSource, LiveProgress } from '../../exporter/src/api/commands.ts';
import { EventStreams, type EventStreamOptions } from '../../exporter/src/api/event-stream.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import type { StoredEvent } from '../../exporter/src/events/events.ts';
import { eventually } from '../servers/eventually.ts';
import { writeConfig } from '../servers/installation.ts';
import { operator, TestService, tokens, viewer } from '../servers/service.ts';

interface Received {
  readonly id?: string;
  readonly event?: string;
  readonly data?: Record<string, unknown>;
  readonly comment?: string;
}

/** Reads a stream as a browser would, into a list that grows. */
class Listener implements Disposable {
  readonly events: Received[] = [];
  readonly response: IncomingMessage;
  readonly #ended: Promise<void>;

  private constructor(response: IncomingMessage) {
    this.response = response;
    let text = '';
    response.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      this.events.push(...blocks.map(parse));
    });
    this.#ended = new Promise((resolve) => response.on('close', () => resolve()));
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Listener> {
    const sent = request(url, { headers: { authorization: `Bearer ${viewer}`, ...headers } }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    sent.on('error', () => undefined);
    return new Listener(response);
  }

  get recorded(): Received[] {
    return this.events.filter(({ data, id }) => data !== undefined && id !== undefined);
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  [Symbol.dispose](): void {
    this.response.destroy();
  }
}

function parse(block: string): Received {
  const fields = new Map(
    block.split('\n').map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
    }),
  );
  const [id, event, data, comment] = ['id', 'event', 'data', ''].map((name) => fields.get(name));
  return {
    ...(id !== undefined && { id }),
    ...(event !== undefined && { event }),
    ...(data !== undefined && { data: JSON.parse(data) as Record<string, unknown> }),
    ...(comment !== undefined && { comment }),
  };
}

describe('the events of a service', () => {
  it('tell of runs as they go on, and again to those who come back', async () => {
    await using service = await TestService.start(`  - id: docs
    source: { type: command, argv: [bash, -c, 'echo begun; sleep 1.2; echo done'] }
    cron: "0 0 1 1 *"
    stores: [local]
    keep: { last: 5 }`);
    using live = await Listener.open(service.url('/api/v1/events'));
    expect(live.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const run = await service.post('/schedules/docs/run?wait=true');
    const id = String(run.body['id']);
    await eventually(() => {
      expect(live.recorded.map(({ event }) => event)).toEqual([
        'run:started',
        'run:finished',
        'backup:verified',
      ]);
    });
    expect(live.events).toContainEqual(
      expect.objectContaining({
        event: 'run:progress',
        data: expect.objectContaining({ runId: id }) as unknown,
      }),
    );
    expect(live.recorded[1]?.data).toMatchObject({ name: 'run:finished', runId: id, status: 'completed' });

    const [first] = live.recorded;
    using back = await Listener.open(service.url('/api/v1/events'), { 'last-event-id': first?.id ?? '' });
    await eventually(() => expect(back.recorded).toEqual(live.recorded.slice(1)));
    using byQuery = await Listener.open(service.url('/api/v1/events?lastEventId=0'));
    await eventually(() => expect(byQuery.recorded).toEqual(live.recorded));
    using lost = await Listener.open(service.url('/api/v1/events'), { 'last-event-id': '999999' });
    await eventually(() => expect(lost.events.length).toBeGreaterThan(0));
    expect(lost.events[0]?.id).toBe(live.recorded.at(-1)?.id);

    await service.post('/schedules/docs/pause');
    await eventually(() => expect(live.events.map(({ event }) => event)).toContain('plan:changed'));

    const head = await fetch(service.url('/api/v1/events'), {
      method: 'HEAD',
      headers: { authorization: `Bearer ${viewer}` },
    });
    expect(head.headers.get('content-type')).toContain('event-stream');
    await service.end();
    await live.ended();
    await service.begin();
  });
});

describe('a stream that is open', () => {
  const hash = (token: string): string => createHash('sha256').update(token).digest('hex');

  it.each(['is revoked', 'expires', 'is taken out of the config'])(
    'ends when its token %s, and others go on',
    async (what) => {
      await using service = await TestService.start('  []');
      const { access } = service.catalog;
      const now = Date.now();
      const stored = { name: 'stored', role: 'viewer', hash: hash('stored-token'), createdAt: now } as const;
      await access.addToken(what === 'expires' ? { ...stored, expiresAt: now + 2000 } : stored);
      const open = (token: string): Promise<Listener> =>
        Listener.open(service.url('/api/v1/events'), { authorization: `Bearer ${token}` });
      const token = what === 'is taken out of the config' ? operator : 'stored-token';
      using ending = await open(token);
      using lasting = await open(viewer);
      if (what === 'is revoked') await access.revokeToken('stored', now);
      if (what === 'is taken out of the config') {
        writeConfig(service.installation.folder, '  []', {
          more: tokens.replace(/^.*name: operator.*\n/m, ''),
        });
        expect(await service.reload()).toBe(true);
      }
      await ending.ended();
      expect(lasting.response.destroyed).toBe(false);
      expect((await service.call('/status', { token })).status).toBe(401);
    },
  );
});

describe('a stream of events', () => {
  const servers: Server[] = [];
  const streams: EventStreams[] = [];
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream[Symbol.dispose]();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });

  /** A log in memory, and a server that gives it out. */
  async function serveEvents(more: Partial<EventStreamOptions> = {}) {
    const log: StoredEvent[] = [];
    const live: LiveProgress[] = [];
    const plan = { version: 1 };
    const append = (reason = 'capacity'): void => {
      log.push({ sequence: log.length + 1, at: 0, body: { name: 'run:deferred', schedule: 'docs', reason } });
    };
    const reads: number[] = [];
    const source: EventSource = {
      latest: () => Promise.resolve(log.length),
      eventsAfter: (sequence, limit) => {
        reads.push(sequence);
        return Promise.resolve(log.slice(sequence, sequence + limit));
      },
      progress: () => live,
      planVersion: () => plan.version,
    };
    const errors: unknown[] = [];
    const stream = new EventStreams({
      source,
      now: () => performance.now(),
      onError: (error) => errors.push(error),
      letIn: () => Promise.resolve(() => true),
      pollMs: 10,
      ...more,
    });
    const server = createServer((incoming, response) => {
      stream
        .open(incoming, response, { lastEventId: undefined, secretHash: undefined })
        .catch((thrown: unknown) => {
          response.writeHead(LowtideError.from(thrown).facts.http).end(LowtideError.from(thrown).code);
        });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    streams.push(stream);
    const { port } = server.address() as AddressInfo;
    return { append, live, plan, reads, errors, stream, port, url: `http://127.0.0.1:${port}/` };
  }

  it('lets so many clients follow and no more, and others once one has gone', async () => {
    const { url, stream } = await serveEvents({ maxClients: 2 });
    using first = await Listener.open(url);
    using _second = await Listener.open(url);
    const refused = await fetch(url);
    expect([refused.status, await refused.text()]).toEqual([503, 'too_many_clients']);
    first[Symbol.dispose]();
    await eventually(() => expect(stream.clients).toBe(1));
    using third = await Listener.open(url);
    expect(third.response.statusCode).toBe(200);
  });

  it('gives a sign of life while nothing happens', async () => {
    const { url } = await serveEvents({ heartbeatMs: 30 });
    using listener = await Listener.open(url);
    await eventually(() => {
      expect(listener.events.filter(({ comment }) => comment === 'heartbeat').length).toBeGreaterThan(2);
    });
  });

  it('tells how far runs and rotations have come, once each time, and that the plan has changed', async () => {
    const { url, live, plan } = await serveEvents();
    using listener = await Listener.open(url);
    const events = (): unknown[] => listener.events.flatMap(({ data }) => (data === undefined ? [] : [data]));
    const progress = { bytes: 5, bytesPerSecond: 1 };
    live.push({ name: 'run:progress', runId: 'r1', progress });
    const at = expect.any(String) as string;
    await eventually(() => expect(events()).toEqual([{ name: 'run:progress', runId: 'r1', at, progress }]));
    live.splice(0, 1, { name: 'rotation:progress', rotationId: 'o1', progress });
    await eventually(() => expect(events().slice(1)).toMatchObject([{ rotationId: 'o1', progress }]));
    plan.version += 1;
    await eventually(() => expect(events().slice(2)).toEqual([{ name: 'plan:changed', at }]));
    live.splice(0, 1);
    plan.version += 1;
    await eventually(() => expect(events().slice(3)).toEqual([{ name: 'plan:changed', at }]));
    expect(listener.recorded).toEqual([]);
  });

  it('gives a long history whole and in order, and goes on live', async () => {
    const { url, append } = await serveEvents();
    for (let count = 0; count < 2500; count += 1) append();
    using listener = await Listener.open(url, { 'last-event-id': '0' });
    await eventually(() => expect(listener.recorded.length).toBe(2500));
    append('late');
    await eventually(() => expect(listener.recorded.length).toBe(2501));
    expect(listener.recorded.map(({ id }) => Number(id))).toEqual(
      [...Array(2501).keys()].map((index) => index + 1),
    );
  });

  it('keeps nothing for a client that does not read, sends it the rest once it does, and holds up no other', async () => {
    const { port, url, append, stream } = await serveEvents();
    for (let count = 0; count < 20_000; count += 1) append('x'.repeat(1000));
    const slow = connect(port, '127.0.0.1');
    slow.write('GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n');
    let received = '';
    slow.setEncoding('utf8');
    await once(slow, 'readable');
    const before = process.memoryUsage().arrayBuffers;
    using quick = await Listener.open(url);
    append('live');
    await eventually(() => expect(quick.recorded.map(({ data }) => data?.['reason'])).toEqual(['live']));
    expect(stream.clients).toBe(2);
    // Of the 20 MB that it has not read, hardly anything waits in this process.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 2 ** 20);
    slow.on('data', (text: string) => (received += text));
    await eventually(() => expect(received).toContain('id: 20001\n'));
    expect(received.match(/^event: /gm)?.length).toBe(20_001);
    slow.destroy();
  });

  it('hangs up on a client that takes nothing for long', async () => {
    const { port, append, stream } = await serveEvents({ stuckMs: 100 });
    for (let count = 0; count < 20_000; count += 1) append('x'.repeat(1000));
    const stuck = connect(port, '127.0.0.1');
    stuck.pause();
    stuck.on('error', () => undefined);
    stuck.write('GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n');
    await eventually(() => expect(stream.clients).toBe(1));
    await eventually(() => expect(stream.clients).toBe(0));
    stuck.destroy();
  });

  it('looks at the log once for all who are up to date, and not at all for nobody', async () => {
    const { url, append, reads, stream } = await serveEvents();
    const listeners = await Promise.all(Array.from({ length: 20 }, () => Listener.open(url)));
    await eventually(() => expect(stream.clients).toBe(20));
    reads.length = 0;
    append();
    await eventually(() => {
      for (const listener of listeners) expect(listener.recorded.length).toBe(1);
    });
    expect(reads).toEqual([0]);
    for (const listener of listeners) listener[Symbol.dispose]();
    await eventually(() => expect(stream.clients).toBe(0));
    await setImmediate();
    reads.length = 0;
    append();
    await setImmediate();
    expect(reads).toEqual([]);
  });
});
