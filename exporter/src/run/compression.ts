import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd } from '../process/child.ts';
import type { ChildEnd } from '../process/command.ts';
import type { Crew } from '../process/crew.ts';
import type { Pipe } from '../process/pipe.ts';
import { firstTool } from '../source/tool.ts';

/**
 * Compression by zstd, as one frame with its checksum. The zstd program works beside the dump, joined to it by the
 * kernel, and no byte passes through this process uncompressed; without the program this process compresses, at half the
 * speed.
 */
export interface Compression {
  /** For the manifest. */
  readonly tool: { readonly program: string; readonly version: string };
  /** Compresses what `input` gives to its end into `output`, and takes both ends over. */
  start(input: CompressionInput, output: Pipe, crew: Crew): Compressing;
}

/** A pipe's reading end, or a file's descriptor, which the caller closes. */
export type CompressionInput = { readonly pipe: Pipe } | { readonly fd: number };

export interface Compressing {
  /** Resolves with the bytes before compression once all is written; rejects with `compression_failed`. */
  readonly rawBytes: Promise<number>;
  stop(): void;
}

const level = 3;

/** By the zstd program where it is installed. */
export async function findCompression(signal: AbortSignal): Promise<Compression> {
  try {
    return programCompression(await firstTool(['zstd'], signal));
  } catch (thrown) {
    if (!(thrown instanceof LowtideError) || thrown.code !== 'tool_missing') throw thrown;
    return inProcessCompression;
  }
}

function programCompression(tool: Compression['tool']): Compression {
  return {
    tool,
    start(input, output, crew) {
      const child = crew.start(
        // The second -v makes it report the exact number of bytes.
        { argv: ['zstd', `-${level}`, '-T0', '--check', '--no-progress', '-vv', '--stdout'] },
        { stdin: 'fd' in input ? input.fd : input.pipe.readFd, stdout: output.writeFd },
      );
      // The child has its own copies; as long as ours are open nobody sees the end of the stream.
      if ('pipe' in input) input.pipe.closeRead();
      output.closeWrite();
      const rawBytes = child.end.then(readReport);
      rawBytes.catch(() => undefined);
      return { rawBytes, stop: () => child.stop() };
    },
  };
}

/** `(50000000 B =>   1582 B, …)` on standard error. */
function readReport(end: ChildEnd): number {
  if (end.exitCode !== 0) throw new LowtideError('compression_failed', describeEnd(end));
  const report = /\(\s*(\d+) B =>/.exec(end.stderr);
  if (report === null) {
    throw new LowtideError('compression_failed', 'zstd did not report how much it has compressed', {
      hint: 'Versions 1.4 to 1.5 do; which one is this? zstd --version',
    });
  }
  return Number(report[1]);
}

/** `nbWorkers` must never be set here: Node truncates the output (8 of 8 tries with 24 and 26). */
const inProcessCompression: Compression = {
  tool: { program: 'zstd', version: `zstd ${process.versions['zstd'] ?? ''} in Node.js` },
  start(input, output) {
    const stop = new AbortController();
    const fd = 'fd' in input ? input.fd : input.pipe.takeRead();
    const source = createReadStream('', { fd, autoClose: 'pipe' in input, highWaterMark: 1024 * 1024 });
    let rawBytes = 0;
    source.on('data', (bytes) => (rawBytes += bytes.length));
    const zstd = createZstdCompress({
      chunkSize: 256 * 1024,
      params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    });
    const target = createWriteStream('', { fd: output.takeWrite() });
    const done = pipeline(source, zstd, target, { signal: stop.signal }).then(
      () => rawBytes,
      (cause: unknown) => {
        throw new LowtideError('compression_failed', LowtideError.from(cause).message, { cause });
      },
    );
    done.catch(() => undefined);
    return { rawBytes: done, stop: () => stop.abort() };
  },
};
