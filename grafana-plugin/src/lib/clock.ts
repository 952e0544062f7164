/** The one place that reads the browser's clock and its randomness. */
export const now = (): number => Date.now();

/** For `Idempotency-Key`. `crypto.randomUUID` is there only where Grafana is served by TLS. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
