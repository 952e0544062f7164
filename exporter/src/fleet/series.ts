import { base64 } from '@scure/base';

/** A share in use is one byte: finer than any forecast is right. */
const whole = 250;
const unknown = 255;

/** Shares, 0 to 1 or NaN where nothing is known, as text. */
export function encodeSeries(shares: Float64Array): string {
  const bytes = Uint8Array.from(shares, (share) =>
    Number.isNaN(share) ? unknown : Math.round(Math.min(1, Math.max(0, share)) * whole),
  );
  return base64.encode(bytes);
}

export function decodeSeries(text: string): Float64Array {
  return Float64Array.from(base64.decode(text), (byte) => (byte === unknown ? NaN : byte / whole));
}
