import { LowtideError } from '../errors/lowtide-error.ts';
import { fingerprintOf, loadWebConfig, readWebConfig, type LoadedWebConfig } from './web-config-file.ts';
import { invalid, type WebConfig } from './web-config.ts';

/** Told of each attempt to take up a changed web config; with an error where the one before stays in force. */
export type OnWebReload = (error: LowtideError | undefined) => void;

const plain: LoadedWebConfig = {
  tls: undefined,
  users: new Map(),
  headers: {},
  rateLimit: undefined,
  secure: undefined,
  fingerprint: '',
};

/**
 * The web config in force. It is read again when one of its files has changed; what cannot be used leaves the one before
 * in its place. What a socket that listens cannot change, TLS or not and whether clients are asked for a certificate,
 * needs a restart.
 */
export class Web implements Disposable {
  readonly #file: string | undefined;
  readonly #onReload: OnWebReload;
  readonly #listeners: ((config: LoadedWebConfig) => void)[] = [];
  #config: LoadedWebConfig;
  /** What named the files that are looked at: also a config that cannot be used, until one of them is put right. */
  #named: WebConfig;
  /** Of the files as they were last looked at: a mistake is told once, not at every look. */
  #seen: string;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isOver = false;

  private constructor(file: string | undefined, config: LoadedWebConfig, onReload: OnWebReload) {
    this.#file = file;
    this.#config = config;
    this.#named = config;
    this.#seen = config.fingerprint;
    this.#onReload = onReload;
  }

  /** Without a file: plain HTTP for everybody. Throws what `loadWebConfig` throws. */
  static async open(file: string | undefined, onReload: OnWebReload, checkEveryMs: number): Promise<Web> {
    if (file === undefined) return new Web(undefined, plain, onReload);
    const web = new Web(file, await loadWebConfig(file, await readWebConfig(file)), onReload);
    web.#timer = setInterval(() => void web.look(), checkEveryMs).unref();
    return web;
  }

  readonly current = (): LoadedWebConfig => this.#config;

  /** Hears of each config that comes into force after the first. */
  onChange(listener: (config: LoadedWebConfig) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes up what has changed; never rejects. */
  look(): Promise<void> {
    return (this.#looking ??= this.#look(false).finally(() => {
      this.#looking = undefined;
    }));
  }

  /** Reads all of it again, whether it seems to have changed or not; never rejects. */
  async reload(): Promise<void> {
    await this.#looking;
    await this.#look(true);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#isOver = true;
  }

  async #look(always: boolean): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    const now = await fingerprintOf(file, this.#named);
    if (now === this.#seen && !always) return;
    this.#seen = now;
    try {
      this.#named = await readWebConfig(file);
      this.#seen = await fingerprintOf(file, this.#named);
      const next = await loadWebConfig(file, this.#named);
      // Nobody is to hear of it any more.
      if (this.#isOver) return;
      refuseRestartOnly(file, this.#config, next);
      this.#config = next;
      this.#seen = next.fingerprint;
      for (const listener of this.#listeners) listener(next);
      this.#onReload(undefined);
    } catch (thrown) {
      if (!this.#isOver) this.#onReload(LowtideError.from(thrown));
    }
  }
}

function refuseRestartOnly(file: string, before: LoadedWebConfig, after: LoadedWebConfig): void {
  if ((before.tls === undefined) !== (after.tls === undefined)) {
    throw invalid(file, 'TLS is switched on or off by a restart alone');
  }
  if (before.tls?.clientAuth !== after.tls?.clientAuth) {
    throw invalid(file, 'client_auth_type is changed by a restart alone');
  }
}
