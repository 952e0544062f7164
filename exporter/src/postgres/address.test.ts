import { describe, expect, it } from 'vitest';
import { parseAddress } from './address.ts';

const url = (parameters: string): string => `postgres://lowtide:hunter2@db1/lowtide?${parameters}`;

describe('where the state is', () => {
  it.each([
    'require_auth=scram-sha-256',
    'channel_binding=require',
    'sslcrl=/etc/crl.pem',
    'ssl_min_protocol_version=TLSv1.3',
  ])('is not connected to with less than is asked for: %s', (parameter) => {
    const [name = ''] = parameter.split('=');
    expect(() => parseAddress(url(parameter), {})).toThrow(name);
    expect(() => parseAddress(url(parameter), {})).not.toThrow('hunter2');
  });

  it('is not either where the environment asks for it', () => {
    expect(() => parseAddress(url(''), { PGREQUIREAUTH: 'scram-sha-256' })).toThrow('require_auth');
    expect(parseAddress(url('channel_binding=prefer'), { PGSSLCRL: '' }).database).toBe('lowtide');
  });
});
