import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Background } from '../../exporter/src/service/background.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { WorkRegistry } from '../../exporter/src/service/work.ts';
import { TestInstallation } from '../servers/installation.ts';

const { signal } = new AbortController();

/** A state on a server has written something down a while before its answer is here: others look at it meanwhile. */
describe('what begins while the answer of the state is on its way is not taken for cut off:', () => {
  let at: TestInstallation;
  let answer: PromiseWithResolvers<undefined>;
  let written: PromiseWithResolvers<undefined>;
  beforeEach(async () => {
    at = await TestInstallation.make(
      '  - { id: docs, source: { type: directory, path: FOLDER/docs }, every: 1d, stores: [local] }',
    );
    mkdirSync(join(at.folder, 'docs'));
    writeFileSync(join(at.folder, 'docs', 'a.txt'), 'hello');
    answer = Promise.withResolvers();
    written = Promise.withResolvers();
  });
  afterEach(() => at[Symbol.asyncDispose]());

  /** The same, whose answer waits until it is let through. */
  function late<Args extends unknown[], T>(
    begin: (...args: Args) => Promise<T>,
  ): (...args: Args) => Promise<T> {
    return async (...args) => {
      const begun = await begin(...args);
      written.resolve(undefined);
      await answer.promise;
      return begun;
    };
  }

  it('a run', async () => {
    const { catalog } = at.opened;
    catalog.startRun = late(catalog.startRun.bind(catalog));
    const running = at.backUp('docs');
    await written.promise;
    expect(await at.opened.jobs.recover(signal)).toEqual([]);
    answer.resolve(undefined);
    expect((await running).run.status).toBe('completed');
  });

  it('a rotation, begun or resumed', async () => {
    const { catalog, rotator } = at.opened;
    await at.completed('docs');
    const { rotations } = catalog;
    rotations.start = late(rotations.start.bind(rotations));
    const stop = new AbortController();
    const rotating = rotator.rotate({ mode: 'rewrap', trigger: 'manual' }, { signal: stop.signal });
    await written.promise;
    expect(await rotator.recover(signal)).toEqual([]);
    stop.abort(new Error('enough'));
    answer.resolve(undefined);
    expect((await rotating).status).toBe('failed');

    answer = Promise.withResolvers();
    written = Promise.withResolvers();
    rotations.resume = late(rotations.resume.bind(rotations));
    const resumed = rotator.resume(undefined, { signal });
    await written.promise;
    expect(await rotator.recover(signal)).toEqual([]);
    answer.resolve(undefined);
    expect((await resumed).status).toBe('completed');
  });

  it('a restore drill', async () => {
    const { catalog, drills } = at.opened;
    await at.completed('docs');
    catalog.drills.start = late(catalog.drills.start.bind(catalog.drills));
    const drilling = drills.run({ schedule: at.schedule('docs'), trigger: 'manual', signal });
    await written.promise;
    expect(await drills.recover()).toEqual([]);
    answer.resolve(undefined);
    expect((await drilling).status).toBe('passed');
  });

  it('a verification that was asked for', async () => {
    const backup = await at.completed('docs');
    const records = at.opened.catalog.background;
    records.start = late(records.start.bind(records));
    const background = new Background({
      installation: () => at.opened,
      registry: new WorkRegistry(() => performance.now(), signal),
      log: createLog({ level: 'error', format: 'json', redact: String, write: () => undefined }),
      track: (work) => work,
    });
    const begun = background.verify(backup);
    await written.promise;
    await background.recover();
    answer.resolve(undefined);
    const { id } = await (await begun).ended;
    expect((await records.run(id))?.status).toBe('completed');
  });
});
