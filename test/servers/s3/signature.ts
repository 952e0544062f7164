import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

const mostSkewMs = 15 * 60_000;

/**
 * Checks the signature of a request's head (version 4, in the Authorization header); the body is held to the hash that was
 * signed by whoever reads it. Signatures of single chunks are not looked at.
 */
export function checkSignature(request: IncomingMessage, credentials: Credentials, now: number): void {
  const { headers } = request;
  const authorization = headers.authorization;
  if (authorization === undefined) throw new Refusal(403, 'AccessDenied', 'Access Denied');
  const fields =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  const [, key = '', day = '', region = '', signed = '', signature] = fields ?? [];
  if (fields === null) throw new Refusal(400, 'AuthorizationHeaderMalformed');
  if (key !== credentials.accessKeyId) {
    throw new Refusal(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist');
  }
  if (region !== credentials.region) {
    throw new Refusal(
      400,
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; the region '${region}' is wrong; expecting '${credentials.region}'`,
      { Region: credentials.region },
    );
  }
  const date = String(headers['x-amz-date']);
  if (Math.abs(momentOf(date) - now) > mostSkewMs) {
    throw new Refusal(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
      { RequestTime: date, ServerTime: new Date(now).toISOString() },
    );
  }
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical(request, signed.split(';')))].join('\n');
  const signingKey = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${credentials.secretAccessKey}`,
  );
  if (hmac(signingKey, text).toString('hex') !== signature) {
    throw new Refusal(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
}

function canonical({ method = '', url = '/', headers }: IncomingMessage, signed: readonly string[]): string {
  const [path = '/', query = ''] = url.split('?', 2);
  const pairs = query
    .split('&')
    .filter(Boolean)
    .map((pair) => {
      const [name = '', value = ''] = pair.split('=', 2);
      return `${encoded(name)}=${encoded(value)}`;
    })
    .sort();
  const lines = signed.map(
    (name) =>
      `${name}:${String(headers[name] ?? '')
        .trim()
        .replaceAll(/ +/g, ' ')}`,
  );
  const path1 = path.split('/').map(encoded).join('/');
  return [
    method,
    path1,
    pairs.join('&'),
    ...lines,
    '',
    signed.join(';'),
    String(headers['x-amz-content-sha256']),
  ].join('\n');
}

/** Whatever way it came. */
function encoded(text: string): string {
  return encodeURIComponent(decodeURIComponent(text.replaceAll('+', '%20'))).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function momentOf(date: string): number {
  const [, year, month, day, hour, minute, second] = (
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  ).map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
