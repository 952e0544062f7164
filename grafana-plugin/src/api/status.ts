import type { Status } from 'lowtide/api';
import { RequestError } from './failure.ts';

/** The first exporter whose API has all that the app asks for. */
export const oldestExporter = '0.1.0';

/** The status, as the app relies on it. Throws RequestError where something else answers, or one that is too old. */
export function checkedStatus(answer: Status): Status {
  const { version, caller, encryption } = answer as Partial<Status>;
  if (typeof version !== 'string') {
    throw new RequestError({ kind: 'foreign', status: 200, message: { key: 'failure.foreign' } });
  }
  if (isOlder(version, oldestExporter) || caller?.actions === undefined || encryption === undefined) {
    const values = { version, needed: oldestExporter };
    throw new RequestError({ kind: 'foreign', status: 200, message: { key: 'failure.old', values } });
  }
  return answer;
}

function isOlder(version: string, than: string): boolean {
  const numbers = (text: string): number[] => text.split(/[.-]/).slice(0, 3).map(Number);
  const [mine, other] = [numbers(version), numbers(than)];
  for (const [index, number] of other.entries()) {
    const one = mine[index] ?? 0;
    if (one !== number) return one < number;
  }
  return false;
}
