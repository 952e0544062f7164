import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditBody, AuditEntry } from './access.ts';
import { chainHash, firstHash, verifyChain } from './audit-chain.ts';

function chain(texts: readonly string[]): AuditEntry[] {
  let head = firstHash;
  return texts.map((text, index) => {
    const entry = { sequence: index + 1, at: 1000 * index, text };
    head = chainHash(head, entry);
    return { ...entry, body: {} as AuditBody, hash: head };
  });
}
const reader =
  (entries: readonly AuditEntry[]) =>
  (sequence: number, limit: number): Promise<readonly AuditEntry[]> =>
    Promise.resolve(entries.filter((entry) => entry.sequence > sequence).slice(0, limit));

describe('the audit chain', () => {
  it('fits when nothing was touched, over more than one page', async () => {
    const entries = chain(Array.from({ length: 2500 }, (_, index) => `{"n":${index}}`));
    expect(await verifyChain(reader(entries))).toEqual({ entries: 2500, head: entries.at(-1)?.hash });
  });

  it('breaks where an entry was changed, removed, inserted or swapped', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string(), { minLength: 2, maxLength: 20 }),
        fc.nat(),
        fc.constantFrom('text', 'at', 'remove', 'insert', 'swap'),
        async (texts, seed, how) => {
          const entries = chain(texts);
          const at = seed % (entries.length - 1);
          const entry = entries[at]!;
          const changed = entries.slice();
          if (how === 'text') changed[at] = { ...entry, text: `${entry.text} ` };
          if (how === 'at') changed[at] = { ...entry, at: entry.at + 1 };
          if (how === 'remove') changed.splice(at, 1);
          if (how === 'insert') {
            const later = changed.splice(at).map((each) => ({ ...each, sequence: each.sequence + 1 }));
            changed.push(entry, ...later);
          }
          if (how === 'swap') {
            const next = changed[at + 1]!;
            changed[at] = { ...next, sequence: entry.sequence };
            changed[at + 1] = { ...entry, sequence: next.sequence };
          }
          const verdict = await verifyChain(reader(changed));
          expect(verdict.brokenAt).toBeLessThanOrEqual(entry.sequence + 1);
        },
      ),
    );
  });

  it('breaks at what was slipped in before its first entry', async () => {
    const entries = chain(['a', 'b']);
    for (const sequence of [0, -7]) {
      const forged = { ...entries[0]!, sequence };
      expect(await verifyChain(reader([forged, ...entries]))).toMatchObject({ entries: 0, brokenAt: 1 });
    }
  });

  it('that was cut off at its end fits, but for a hash that was noted elsewhere', async () => {
    const entries = chain(['a', 'b', 'c']);
    const noted = entries.at(-1)!.hash;
    expect(await verifyChain(reader(entries.slice(0, 2)), noted)).toMatchObject({
      entries: 2,
      hasNoted: false,
    });
  });
});
