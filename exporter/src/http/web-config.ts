import { z } from 'zod';
import { parseDocument } from 'yaml';
import { LowtideError } from '../errors/lowtide-error.ts';

/**
 * The web configuration of Prometheus' exporter-toolkit (github.com/prometheus/exporter-toolkit, docs/web-configuration.md):
 * TLS, basic auth by bcrypt, and headers. Unknown keys are mistakes, as there.
 */
export interface WebConfig {
  readonly tls: TlsConfig | undefined;
  /** bcrypt hashes by user; empty: nobody is asked for a password. */
  readonly users: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
  /** Of all requests together; undefined: none. */
  readonly rateLimit: { readonly requestsPerSecond: number; readonly burst: number } | undefined;
}

/** What is PEM: in a file of its own, or in the web config itself. */
export type Pem = { readonly file: string } | { readonly text: string };

export interface TlsConfig {
  readonly cert: Pem;
  readonly key: Pem;
  readonly clientCa: Pem | undefined;
  readonly clientAuth: ClientAuth;
  /** One of these must be among the names of the client's certificate; empty: any will do. */
  readonly clientSans: readonly string[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** In OpenSSL's spelling; undefined: what Node takes. */
  readonly ciphers: string | undefined;
  /** The same for the curves of the key exchange. */
  readonly curves: string | undefined;
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
export type ClientAuth = (typeof clientAuthTypes)[number];

/** Go's names (crypto/tls, ClientAuthType). */
export const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

const versions: Readonly<Record<string, TlsVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
};
const versionNames = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const;
const version = z.enum(versionNames);
const curves: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
};
const header = z.string().regex(/^[\x20-\x7e]*$/, { error: 'can be no header' });
const text = z.string().min(1).optional();

/** As Go writes durations: 500ms, 1m30s, or 0. */
const goDuration = z
  .union([z.string(), z.literal(0).transform(() => '0')])
  .pipe(
    z
      .string()
      .regex(/^(?:0|(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)$/, { error: 'is no duration: 1s, 500ms, or 0' }),
  )
  .transform((written) =>
    [...written.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)].reduce(
      (seconds, [, count, unit]) => seconds + Number(count) * (goUnits[unit ?? ''] ?? 0),
      0,
    ),
  );
const goUnits: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

const tlsSchema = z.strictObject({
  cert: text,
  cert_file: text,
  key: text,
  key_file: text,
  client_ca: text,
  client_ca_file: text,
  client_auth_type: z
    .enum(['', 'RequireClientCert', ...clientAuthTypes])
    .default('NoClientCert')
    .transform((type) => olderTypes[type] ?? (type as ClientAuth)),
  client_allowed_sans: z.array(z.string().min(1)).default([]),
  min_version: version.default('TLS12'),
  max_version: version.default('TLS13'),
  cipher_suites: z.array(z.string().regex(/^TLS_[A-Z0-9_]+$/)).optional(),
  curve_preferences: z.array(z.enum(Object.keys(curves))).optional(),
  // Node's server takes its own order, and HTTP/1.1 alone: accepted, since others may share the file.
  prefer_server_cipher_suites: z.boolean().optional(),
});
/** What exporter-toolkit takes as well. */
const olderTypes: Readonly<Record<string, ClientAuth>> = {
  '': 'NoClientCert',
  RequireClientCert: 'RequireAnyClientCert',
};

const schema = z.strictObject({
  tls_server_config: tlsSchema.nullish(),
  http_server_config: z
    .strictObject({
      http2: z.boolean().optional(),
      headers: z
        .strictObject({
          'Strict-Transport-Security': header.optional(),
          'X-Content-Type-Options': header.optional(),
          'X-Frame-Options': header.optional(),
          'X-XSS-Protection': header.optional(),
          'Content-Security-Policy': header.optional(),
        })
        .nullish(),
    })
    .nullish(),
  basic_auth_users: z
    .record(
      z.string().min(1),
      z.string().regex(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/, {
        error: 'is no bcrypt hash: htpasswd -nBC 10 "" | tr -d ":\\n" makes one',
      }),
    )
    .nullish(),
  rate_limit: z.strictObject({ interval: goDuration, burst: z.int().min(1) }).nullish(),
});

/** `file` is for messages. Throws `config_invalid` with every mistake; never with a value, which may be a secret. */
export function parseWebConfig(text: string, file: string): WebConfig {
  const document = parseDocument(text, { prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax !== undefined) throw invalid(file, syntax.message.split('\n')[0] ?? 'is no YAML');
  const parsed = schema.safeParse(document.toJS() ?? {});
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join('.')}: ${message}`,
    );
    throw invalid(file, mistakes.join('; '));
  }
  const {
    tls_server_config: tls,
    http_server_config: server,
    basic_auth_users: users,
    rate_limit: rate,
  } = parsed.data;
  return {
    tls: tls ? tlsConfig(tls, file) : undefined,
    users: new Map(Object.entries(users ?? {})),
    // An empty one is none, as there.
    headers: Object.fromEntries(
      Object.entries(server?.headers ?? {}).filter(([, value]) => value !== undefined && value !== ''),
    ) as Record<string, string>,
    rateLimit:
      rate && rate.interval > 0 ? { requestsPerSecond: 1 / rate.interval, burst: rate.burst } : undefined,
  };
}

function tlsConfig(tls: z.output<typeof tlsSchema>, file: string): TlsConfig {
  const pem = (name: 'cert' | 'key' | 'client_ca'): Pem | undefined => {
    const [inline, path] = [tls[name], tls[`${name}_file`]];
    if (inline === undefined) return path === undefined ? undefined : { file: path };
    if (path === undefined) return { text: inline };
    throw invalid(file, `tls_server_config: ${name} and ${name}_file are two ways to say one thing`);
  };
  const needed = (name: 'cert' | 'key'): Pem => {
    const found = pem(name);
    if (found !== undefined) return found;
    throw invalid(file, `tls_server_config: ${name}_file is missing`);
  };
  if (versionNames.indexOf(tls.min_version) > versionNames.indexOf(tls.max_version)) {
    throw invalid(file, 'tls_server_config: min_version is above max_version, so that nobody could connect');
  }
  const clientCa = pem('client_ca');
  refuseCheckingNobody(tls, clientCa, file);
  return {
    cert: needed('cert'),
    key: needed('key'),
    clientCa,
    clientAuth: tls.client_auth_type,
    clientSans: tls.client_allowed_sans,
    minVersion: versions[tls.min_version] ?? 'TLSv1.2',
    maxVersion: versions[tls.max_version] ?? 'TLSv1.3',
    ciphers: tls.cipher_suites?.map(openSslName).join(':'),
    curves: tls.curve_preferences?.map((name) => curves[name] ?? name).join(':'),
  };
}

function refuseCheckingNobody(
  { client_auth_type: type, client_allowed_sans: names }: z.output<typeof tlsSchema>,
  ca: Pem | undefined,
  file: string,
): void {
  const verifies = type === 'VerifyClientCertIfGiven' || type === 'RequireAndVerifyClientCert';
  if (verifies && ca === undefined) throw invalid(file, `tls_server_config: ${type} needs client_ca_file`);
  if (type === 'NoClientCert' && ca !== undefined) {
    throw invalid(file, 'tls_server_config: client_ca_file without a client_auth_type would check nobody');
  }
  const requires = type === 'RequireAnyClientCert' || type === 'RequireAndVerifyClientCert';
  if (names.length > 0 && !requires) {
    throw invalid(file, `tls_server_config: client_allowed_sans needs a client_auth_type that requires one`);
  }
}

/** Go has IANA's names; OpenSSL keeps those for TLS 1.3 and has its own for the rest. */
function openSslName(iana: string): string {
  if (!iana.includes('_WITH_')) return iana;
  return iana
    .replace(/^TLS_/, '')
    .replace(/_WITH_AES_(\d+)_/, '-AES$1-')
    .replace(/_WITH_CHACHA20_POLY1305(_SHA256)?/, '-CHACHA20-POLY1305')
    .replace(/^RSA-/, '')
    .replace(/(?<=-)CBC_/, '')
    .replaceAll('_', '-');
}

export function invalid(file: string, what: string, cause?: unknown): LowtideError {
  return new LowtideError('config_invalid', `the web config ${file}: ${what}`, {
    hint: 'The format is that of exporter-toolkit: tls_server_config, http_server_config, basic_auth_users, rate_limit.',
    ...(cause !== undefined && { cause }),
  });
}
