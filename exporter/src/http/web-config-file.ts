import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { invalid, parseWebConfig, type Pem, type WebConfig } from './web-config.ts';

/** A web config with what its files hold: all of it can be used, or there is none. */
export interface LoadedWebConfig extends WebConfig {
  readonly secure: SecureContextOptions | undefined;
  /** Changes when one of the files does. */
  readonly fingerprint: string;
}

/** What the file says, before those that it names are read. Throws `config_invalid`, `config_missing`. */
export async function readWebConfig(file: string): Promise<WebConfig> {
  return parseWebConfig((await read(file, file)).toString('utf8'), file);
}

/** Reads what it names. Relative paths are meant from the folder of the file. Throws `config_invalid`. */
export async function loadWebConfig(file: string, config: WebConfig): Promise<LoadedWebConfig> {
  const { tls } = config;
  // Before reading: what is changed meanwhile is noticed at the next look.
  const fingerprint = await fingerprintOf(file, config);
  if (tls === undefined) return { ...config, secure: undefined, fingerprint };
  const contentOf = async (pem: Pem): Promise<string> =>
    'text' in pem ? pem.text : (await read(resolve(dirname(file), pem.file), file)).toString('latin1');
  const [cert, key] = await Promise.all([contentOf(tls.cert), contentOf(tls.key)]);
  const ca = tls.clientCa === undefined ? undefined : await contentOf(tls.clientCa);
  if (ca !== undefined) refuseNoAuthority(ca, file);
  const secure: SecureContextOptions = {
    cert,
    key,
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    ...(ca !== undefined && { ca }),
    ...(tls.ciphers !== undefined && { ciphers: tls.ciphers }),
    ...(tls.curves !== undefined && { ecdhCurve: tls.curves }),
  };
  try {
    createSecureContext(secure);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be used';
    throw invalid(file, `TLS does not take certificate, key, ciphers or curves: ${why}`, cause);
  }
  return { ...config, secure, fingerprint };
}

const certificates = /-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----|$)/g;

/** TLS itself passes over what it cannot read there, and nobody could connect any more. */
function refuseNoAuthority(ca: string, file: string): void {
  const found = ca.match(certificates) ?? [];
  if (found.length === 0) throw invalid(file, 'client_ca holds no certificate');
  for (const each of found) {
    try {
      new X509Certificate(each);
    } catch (cause) {
      throw invalid(file, 'a certificate of client_ca cannot be read', cause);
    }
  }
}

/** Of the file and those that it names. */
export async function fingerprintOf(file: string, { tls }: Pick<WebConfig, 'tls'>): Promise<string> {
  const names = [file];
  for (const pem of [tls?.cert, tls?.key, tls?.clientCa]) {
    if (pem !== undefined && 'file' in pem) names.push(resolve(dirname(file), pem.file));
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
