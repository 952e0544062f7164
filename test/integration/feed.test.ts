import { describe, expect, it } from 'vitest';
import { startChild, type Child } from '../../exporter/src/process/child.ts';
import { feedChild } from '../../exporter/src/run/feed.ts';

const piece = Buffer.alloc(64 * 1024, 'x');

function start(script: string): { readonly child: Child; readonly output: Promise<string> } {
  const child = startChild({ argv: ['sh', '-c', script] }, { stdin: 'pipe', stdout: 'pipe' });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (text += more));
  return { child, output: child.end.then(() => text.trim()) };
}

async function* pieces(count: number, end: () => void = () => undefined): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n += 1) yield await Promise.resolve(piece);
  end();
}

describe('feedChild', () => {
  it('gives all of the content, and then the end', async () => {
    const { child, output } = start('wc -c');
    await feedChild(child, pieces(40));
    expect(await output).toBe(String(40 * piece.length));
  });

  it('keeps back the last piece, and the end, of content that turns out to be bad', async () => {
    const { child, output } = start('head -c 131072 | wc -c; echo more; wc -c');
    const bad = new Error('the hash differs');
    await expect(
      feedChild(
        child,
        pieces(3, () => {
          throw bad;
        }),
      ),
    ).rejects.toBe(bad);
    expect(child.stdin?.writableEnded).toBe(false);
    child.stdin?.end();
    expect(await output).toBe('131072\nmore\n0');
  });

  it('reads content to its end for a child that wants no more of it', async () => {
    const { child } = start('head -c 10 > /dev/null');
    let ended = false;
    await feedChild(
      child,
      pieces(200, () => {
        ended = true;
      }),
    );
    expect(ended).toBe(true);
    expect((await child.end).exitCode).toBe(0);
  });

  it('stops reading for a child that has failed', async () => {
    const { child } = start('exit 3');
    await child.end;
    let closed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(piece);
      } finally {
        closed = true;
      }
    }
    await feedChild(child, endless());
    expect(closed).toBe(true);
  });
});
