const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

const units: Readonly<Record<string, number>> = {
  ...Object.fromEntries(steps.map((unit, power) => [unit, 1024 ** power])),
  ...{ kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15 },
};

/** Bytes, from a number and its unit (`20MiB`, `1.5 GB`); undefined where the text is no size above zero. */
export function parseSize(text: string): number | undefined {
  const [, figure = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text) ?? [];
  const bytes = Math.round(Number(figure) * (units[unit] ?? 0));
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `1536` → `1.5 KiB`: for people, three significant figures at most. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let step = 0;
  // What would be rounded to 1024 is one of the next unit.
  while (Math.round(value) >= 1024 && step < steps.length - 1) {
    value /= 1024;
    step += 1;
  }
  const digits = step === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${steps[step] ?? 'B'}`;
}
