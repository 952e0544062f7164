import { LowtideError } from '../errors/lowtide-error.ts';

/** Why a signal stops the work: the reason it was given where that is an error of ours, else `cancelled`. */
export function stopReason(signal: AbortSignal): LowtideError {
  const reason: unknown = signal.reason;
  return reason instanceof LowtideError
    ? reason
    : new LowtideError('cancelled', 'the file was given up before its end', { cause: reason });
}
