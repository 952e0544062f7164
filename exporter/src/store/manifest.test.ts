import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newManifest } from '../../../test/conformance/catalog-samples.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { toRfc3339 } from '../units/instant.ts';
import { decodeManifest, encodeManifest, manifestName, type Manifest } from './manifest.ts';

const where = '/backups/db-prod/b1.pgdump.zst.age.json';

function decode(json: unknown): Manifest {
  return decodeManifest(new TextEncoder().encode(JSON.stringify(json)), where);
}

function refusalOf(action: () => unknown): LowtideError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof LowtideError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

/** The sample with one value, given by its path, changed; `absent` takes it out. */
function changed(path: readonly (string | number)[], value: unknown): unknown {
  const copy = JSON.parse(new TextDecoder().decode(encodeManifest(newManifest('b1')))) as unknown;
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((node, key) => (node as Record<string | number, unknown>)[key], copy);
  const key = path.at(-1) ?? '';
  if (value === absent) Reflect.deleteProperty(parent as object, key);
  else (parent as Record<string | number, unknown>)[key] = value;
  return copy;
}

const absent = Symbol('absent');

const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const size = fc.maxSafeNat();
const instant = fc.nat(4e12).map(toRfc3339);
const name = fc.stringMatching(/^[a-z0-9]{1,9}(\/[a-z0-9]{1,9}){0,2}$/);
const part = fc.record<Manifest['parts'][0]>({
  role: fc.constantFrom('main', 'globals'),
  name,
  format: fc.constantFrom('pg_custom', 'sql', 'sqlite', 'tar', 'raw'),
  sizeBytes: size,
  compressedBytes: size,
  compressedSha256: hash,
  payloadBytes: size,
  payloadSha256: hash,
  headerBytes: fc.integer({ min: 1 }),
  headerSha256: hash,
});
const text = fc.string({ unit: 'binary' });
const manifest = fc.record<Manifest>({
  formatVersion: fc.constant(1 as const),
  id: text,
  instance: text,
  schedule: text,
  type: fc.constantFrom('database', 'files', 'command'),
  source: fc.record({
    type: fc.constantFrom('postgres', 'mysql', 'sqlite', 'directory', 'command'),
    label: text,
  }),
  runId: text,
  startedAt: instant,
  createdAt: instant,
  parts: fc
    .tuple(part, fc.array(part, { maxLength: 2 }))
    .map(([first, rest]): Manifest['parts'] => [first, ...rest]),
  keyId: text,
  recipients: fc.array(text, { minLength: 1 }),
  tools: fc.dictionary(
    text.filter((key) => key !== '__proto__'),
    text,
    { noNullPrototype: true },
  ),
  warnings: fc.array(text),
});

describe('a manifest', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(manifest, (written) => {
        expect(decodeManifest(encodeManifest(written), where)).toEqual(written);
      }),
    );
  });

  it('is readable text that ends with a line break', () => {
    const written = new TextDecoder().decode(encodeManifest(newManifest('b1')));
    expect(written).toMatch(/^\{\n {2}"formatVersion": 1,\n {2}"id": "b1",\n/);
    expect(written).toMatch(/\n\}\n$/);
  });

  it('lies beside its main part', () => {
    expect(manifestName(newManifest('b1'))).toBe('db-prod/b1.pgdump.zst.age.json');
  });
});

describe('a manifest is refused', () => {
  const fields: readonly [path: readonly (string | number)[], ...wrong: readonly unknown[]][] = [
    [['formatVersion'], absent, 0, -1, 1.5, '1', '2', null],
    [['id'], absent, 1, null],
    [['instance'], absent, []],
    [['schedule'], absent, {}],
    [['type'], absent, 'tape', ''],
    [['source'], absent, 'postgres', null],
    [['source', 'type'], absent, 'oracle'],
    [['source', 'label'], absent, 5],
    [['runId'], absent, false],
    [['startedAt'], absent, '2026-03-03', '2026-03-03T12:00:00', '2026-03-03T12:00:00+01:00', 1772539200],
    [['createdAt'], absent, 'yesterday', '2026-13-03T12:00:00Z'],
    [['parts'], absent, {}, null],
    [['parts', 0], null, 'main'],
    [['parts', 0, 'role'], absent, 'side'],
    [['parts', 0, 'name'], absent, 7, '', '../../etc/passwd', '/etc/passwd', 'a.partial'],
    [['parts', 0, 'format'], absent, 'zip'],
    [['parts', 0, 'sizeBytes'], absent, -1, 0.5, '9', 2 ** 53],
    [['parts', 0, 'compressedBytes'], absent, -1],
    [['parts', 0, 'compressedSha256'], absent, '', 'A'.repeat(64), '0'.repeat(63), `${'0'.repeat(64)}\n`],
    [['parts', 0, 'payloadBytes'], absent, -1],
    [['parts', 0, 'payloadSha256'], absent, 'g'.repeat(64)],
    [['parts', 0, 'headerBytes'], absent, 0, -4096],
    [['parts', 0, 'headerSha256'], absent, '0'.repeat(65)],
    [['keyId'], absent, 1],
    [['recipients'], absent, [], 'age1sample'],
    [['recipients', 0], 1],
    [['tools'], absent, [], 'tar 1.34'],
    [['tools', 'pg_dump'], 15],
    [['warnings'], absent, 'none'],
    [['warnings', 0], 1],
  ];
  const cases = fields.flatMap(([path, ...wrong]) =>
    wrong.map((value): [string, readonly (string | number)[], unknown] => [
      path
        .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${key}`))
        .join(''),
      path,
      value,
    ]),
  );

  it.each(cases)('by its field %s', (field, path, value) => {
    const refusal = refusalOf(() => decode(changed(path, value)));
    expect(refusal.code).toBe('manifest_invalid');
    expect(refusal.message).toContain(`${where} is not a Lowtide manifest: `);
    const [only, ...more] = (refusal.message.split(' manifest: ')[1] ?? '').split('; ');
    expect(only?.startsWith(`${field}: `), refusal.message).toBe(true);
    expect(more).toEqual([]);
    expect(refusal.hint).toContain('edited by hand');
  });

  it('when it tells of no part', () => {
    expect(refusalOf(() => decode(changed(['parts'], []))).message).toContain('parts[0]: ');
  });

  it('in all its fields at once', () => {
    const { message } = refusalOf(() => decode({ formatVersion: 1, parts: [{}] }));
    for (const field of ['id', 'recipients', 'parts[0].payloadSha256'])
      expect(message).toContain(`${field}: `);
  });

  it.each([2, 3, 1000])(
    'when it comes from a newer lowtide (format version %i), with what to do',
    (version) => {
      for (const json of [{ formatVersion: version }, changed(['formatVersion'], version)]) {
        expect(refusalOf(() => decode(json))).toMatchObject({
          code: 'manifest_invalid',
          message: `${where} has format version ${version}; this lowtide knows 1`,
          hint: 'It was written by a newer lowtide: update this one, and nothing about the backup is lost.',
        });
      }
    },
  );

  it.each([
    ['empty', ''],
    ['cut short', '{"formatVersion": 1, "id"'],
    ['followed by something', `${JSON.stringify(newManifest('b1'))}x`],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ])('when it is %s', (_, bytes) => {
    expect(refusalOf(() => decodeManifest(Buffer.from(bytes), where))).toMatchObject({
      code: 'manifest_invalid',
      message: `${where} is not JSON`,
    });
  });

  it.each([null, 1, 'text', [], [newManifest('b1')]])('when it is JSON but no object: %j', (json) => {
    expect(refusalOf(() => decode(json)).code).toBe('manifest_invalid');
  });

  it('shows none of its values, which may be anything', () => {
    const refusal = refusalOf(() => decode(changed(['parts', 0, 'compressedSha256'], 'sesame-open')));
    expect(`${refusal.message} ${refusal.hint ?? ''}`).not.toContain('sesame');
  });
});
