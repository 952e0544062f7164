import { LowtideError } from '../errors/lowtide-error.ts';
import { sealedChunkBytes, type ChunkFault } from './stream.ts';

const what: Readonly<Record<ChunkFault['kind'], string>> = {
  changed: 'was changed or cut, or sealed with another key',
  cut: 'is cut off: the file ends before its last chunk does',
  trailing: 'is marked as the last, but more bytes follow it',
  empty: 'is the last and empty, which no writer makes',
};

/** `payload_invalid`; `payloadStart` is where in the file the first chunk lies. */
export function payloadFault({ chunk, kind }: ChunkFault, payloadStart: number): LowtideError {
  const start = payloadStart + chunk * sealedChunkBytes;
  return new LowtideError(
    'payload_invalid',
    `the payload is damaged: chunk ${chunk}, at byte ${start}, ${what[kind]}`,
    {
      hint: 'Take another copy of the file. What was given out before this is right, but not the whole.',
    },
  );
}
