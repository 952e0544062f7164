import { backups } from './backups.ts';
import type { Board } from './board.ts';
import { exporter } from './exporter.ts';
import { keys } from './keys.ts';
import { overview } from './overview/overview.ts';
import { schedules } from './schedules.ts';

/** All dashboards, by the name of their file. */
export const dashboards: Readonly<Record<string, Board>> = { overview, schedules, backups, keys, exporter };

/** As it lies in dashboards/: keys in order, so that a change of the source shows as that change alone. */
export function textOf(dashboard: Board): string {
  return `${JSON.stringify(dashboard, (_key, value: unknown) => sorted(value), 2)}\n`;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
