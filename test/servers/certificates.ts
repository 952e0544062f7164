import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority of the tests, in a folder of theirs. */
export class Authority {
  readonly #folder: string;
  readonly certFile: string;
  readonly #keyFile: string;

  constructor(folder: string, name = 'authority') {
    this.#folder = folder;
    this.certFile = join(folder, `${name}.crt`);
    this.#keyFile = join(folder, `${name}.key`);
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${name}`, '-keyout', this.#keyFile, '-out', this.certFile],
    );
  }

  /** Signs a certificate for this machine, or for a client of that name. */
  issue(name: string): { readonly certFile: string; readonly keyFile: string } {
    const [certFile, keyFile, requestFile, extensions] = ['crt', 'key', 'csr', 'ext'].map((extension) =>
      join(this.#folder, `${name}.${extension}`),
    ) as [string, string, string, string];
    writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', `/CN=${name}`, '-keyout', keyFile, '-out', requestFile],
    );
    openssl(
      ...[
        'x509',
        '-req',
        '-in',
        requestFile,
        '-CA',
        this.certFile,
        '-CAkey',
        this.#keyFile,
        '-CAcreateserial',
      ],
      ...['-days', '2', '-extfile', extensions, '-out', certFile],
    );
    return { certFile, keyFile };
  }
}

function openssl(...args: string[]): void {
  const end = spawnSync('openssl', args, { encoding: 'utf8' });
  if (end.status !== 0)
    throw new Error(`openssl ${args[0] ?? ''} ended with ${String(end.status)}:\n${end.stderr}`);
}
