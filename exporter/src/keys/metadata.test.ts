import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import { keyIdOf, type KeyRecord } from './key.ts';
import { decodeMetadata, encodeMetadata } from './metadata.ts';

const path = '/keys/a.json';
const recipient = 'age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z';
const id = keyIdOf(recipient);
const record: KeyRecord = {
  id,
  recipient,
  state: 'active',
  createdAt: Date.UTC(2026, 10, 24, 2, 30),
  origin: 'generated',
  purpose: 'backup',
  parentId: 'key-0123456789ab',
  sequence: 3,
};
const whole = new TextDecoder().decode(encodeMetadata(record));

function refusalOf(text: string | Uint8Array): unknown {
  try {
    return decodeMetadata(typeof text === 'string' ? new TextEncoder().encode(text) : text, id, path);
  } catch (thrown) {
    return thrown instanceof LowtideError ? `${thrown.code}: ${thrown.message}` : thrown;
  }
}

describe('key metadata', () => {
  it('look as docs/keys.md shows them', () => {
    expect(whole).toBe(`{
  "version": 1,
  "id": "${id}",
  "recipient": "${recipient}",
  "state": "active",
  "createdAt": "2026-11-24T02:30:00.000Z",
  "origin": "generated",
  "purpose": "backup",
  "parentId": "key-0123456789ab",
  "sequence": 3
}
`);
  });

  it('are read back as they were written', () => {
    const records = fc.record(
      {
        state: fc.constantFrom('active', 'retiring', 'retired', 'destroyed'),
        createdAt: fc.integer({ min: 0, max: 4e12 }),
        origin: fc.constantFrom('generated', 'imported', 'environment'),
        purpose: fc.constantFrom('backup', 'recovery', 'restore'),
        parentId: fc.constant('key-0123456789ab'),
        sequence: fc.integer({ min: 1 }),
      },
      { requiredKeys: ['state', 'createdAt', 'origin', 'purpose', 'sequence'] },
    );
    fc.assert(
      fc.property(records, (facts) => {
        const written: KeyRecord = { id, recipient, ...facts };
        expect(decodeMetadata(encodeMetadata(written), id, path)).toEqual(written);
      }),
    );
  });

  it('of keys from before there were purposes are of keys for backups', () => {
    const old = new TextEncoder().encode(edited({ purpose: undefined }));
    expect(decodeMetadata(old, id, path)).toEqual(record);
  });

  it.each([
    ['nothing', '', 'is not JSON'],
    ['half of it', whole.slice(0, whole.length / 2), 'is not JSON'],
    ['bytes that are no text', Uint8Array.of(0x22, 0xff, 0x22), 'is not JSON'],
    ['other JSON', '[]', 'is no key metadata'],
    ['the version of another time', edited({ version: 2 }), 'version'],
    ['an unknown state', edited({ state: 'asleep' }), 'state'],
    ['no time', edited({ createdAt: 'yesterday' }), 'createdAt'],
    ['no origin', edited({ origin: undefined }), 'origin'],
    ['a purpose that is none', edited({ purpose: 'fun' }), 'purpose'],
    ['a sequence that is none', edited({ sequence: 0 }), 'sequence'],
    ['a recipient that is none', edited({ recipient: 'ssh-ed25519 AAAA' }), 'recipient'],
    ['a field nobody knows', edited({ colour: 'blue' }), 'colour'],
    ['the name of another key', edited({ id: 'key-0123456789ab' }), 'describes key-0123456789ab'],
    [
      'the recipient of another key',
      edited({ recipient: `${recipient}q` }),
      `names a recipient that is not that of ${id}`,
    ],
  ])('that hold %s are refused by the name of the file', (_, text, message) => {
    const refusal = refusalOf(text);
    expect(refusal).toContain(`keystore_invalid: ${path} `);
    expect(refusal).toContain(message);
  });
});

function edited(edit: Record<string, unknown>): string {
  return JSON.stringify({ ...(JSON.parse(whole) as Record<string, unknown>), ...edit });
}
