import type { PageFormat } from '../metrics/exposition.ts';

/**
 * Which format an `Accept` header asks for, by the rules of Prometheus' own libraries: the media type and its version
 * decide, other parameters (`charset`, `escaping`) do not, and whoever accepts neither gets the text format all the same.
 */
export function negotiateFormat(accept: string | undefined): PageFormat {
  let best: { readonly format: PageFormat; readonly quality: number } = { format: 'text', quality: 0 };
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...rest] = range.split(';').map((part) => part.trim().toLowerCase());
    const parameters = new Map(rest.map((part) => splitParameter(part)));
    const quality = Number(parameters.get('q') ?? '1');
    const format = formatOf(type, parameters.get('version'));
    if (format !== undefined && quality > best.quality) best = { format, quality };
  }
  return best.format;
}

function formatOf(type: string, version: string | undefined): PageFormat | undefined {
  switch (type) {
    case 'application/openmetrics-text':
      return version === undefined || version === '1.0.0' ? 'openmetrics' : undefined;
    case 'text/plain':
      return version === undefined || version === '0.0.4' ? 'text' : undefined;
    case 'text/*':
    case '*/*':
      return 'text';
    default:
      return undefined;
  }
}

function splitParameter(part: string): [string, string] {
  const [name = '', value = ''] = part.split('=');
  return [name.trim(), value.trim().replace(/^"(.*)"$/, '$1')];
}
