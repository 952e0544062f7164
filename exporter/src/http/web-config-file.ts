import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { invalid, parseWebConfig, type WebConfig } from './web-config.ts';

/** A web config with what its files hold: all of it can be used, or there is none. */
export interface LoadedWebConfig extends WebConfig {
  readonly secure: SecureContextOptions | undefined;
  /** Changes when one of the files does. */
  readonly fingerprint: string;
}

/** Relative paths are meant from the folder of the file. Throws `config_invalid`, `config_missing`. */
export async function loadWebConfig(file: string): Promise<LoadedWebConfig> {
  const text = (await read(file, file)).toString('utf8');
  const config = parseWebConfig(text, file);
  const { tls } = config;
  // Before reading: what is changed meanwhile is noticed at the next look.
  const fingerprint = await fingerprintOf(file, config);
  if (tls === undefined) return { ...config, secure: undefined, fingerprint };
  const at = (path: string): string => resolve(dirname(file), path);
  const [cert, key] = await Promise.all([read(at(tls.certFile), file), read(at(tls.keyFile), file)]);
  const ca = tls.clientCaFile === undefined ? undefined : await read(at(tls.clientCaFile), file);
  const secure: SecureContextOptions = {
    cert,
    key,
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    ...(ca !== undefined && { ca }),
    ...(tls.ciphers !== undefined && { ciphers: tls.ciphers }),
  };
  try {
    createSecureContext(secure);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be used';
    throw invalid(file, `certificate and key cannot be used together: ${why}`, cause);
  }
  return { ...config, secure, fingerprint };
}

/** Of the file and those that it names. */
export async function fingerprintOf(file: string, { tls }: Pick<WebConfig, 'tls'>): Promise<string> {
  const names = [file];
  for (const name of [tls?.certFile, tls?.keyFile, tls?.clientCaFile]) {
    if (name !== undefined) names.push(resolve(dirname(file), name));
  }
  const marks = await Promise.all(
    names.map(async (name) => {
      const found = await stat(name, { bigint: true }).catch(() => undefined);
      return found === undefined ? 'absent' : `${found.ino} ${found.size} ${found.mtimeNs}`;
    }),
  );
  return marks.join('\n');
}

async function read(path: string, file: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = systemErrorCode(cause) ?? 'unknown';
    if (path !== file) throw invalid(file, `cannot read ${path} (${code})`, cause);
    throw new LowtideError('config_missing', `cannot read the web config ${path} (${code})`, {
      hint: 'Name another one with --web.config.file, or server.web_config_file in lowtide.yaml.',
      cause,
    });
  }
}
