/**
 * A log line as Prometheus' own programs write it: `time=… level=info msg="…" key=value`. What lies in maps has its way
 * there as its key, `err.code=…`.
 */
export function logfmt(line: Readonly<Record<string, unknown>>): string {
  const { time, level, msg, ...rest } = line;
  return [...pairs('time', time), ...pairs('level', level), ...pairs('msg', msg), ...pairs('', rest)].join(
    ' ',
  );
}

function pairs(key: string, value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'object' && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([name, inner]) =>
      pairs(key === '' ? name : `${key}.${name}`, inner),
    );
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return [`${key.replaceAll(/[\s="]/g, '_')}=${needsQuotes(text) ? JSON.stringify(text) : text}`];
}

function needsQuotes(text: string): boolean {
  return text === '' || !/^[^\s="\\\p{C}]+$/u.test(text);
}
