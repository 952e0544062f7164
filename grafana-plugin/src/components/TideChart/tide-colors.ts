import type { GrafanaTheme2 } from '@grafana/data';
import type { BackupRun } from '../../api/answers.ts';
import type { Resource } from '../../timeline/load-series.ts';
import type { Priority, TideEvent } from '../../timeline/tide.ts';

/** The colours of the chart, all from the theme. Height and signs say the same as they do. */
export interface TideColors {
  readonly priority: Readonly<Record<Priority, string>>;
  /** Of what is written on a block of that priority. */
  readonly onPriority: Readonly<Record<Priority, string>>;
  readonly result: Readonly<Record<BackupRun['status'], string>>;
  readonly load: Readonly<Record<Resource, string>>;
  readonly lowTide: string;
  readonly track: string;
  readonly grid: string;
  readonly day: string;
  readonly text: string;
  readonly faint: string;
  readonly now: string;
  readonly ground: string;
}

/** One hue for what is to come, the weightiest furthest from the ground, so that the past has the others to itself. */
const priorityShades = {
  dark: { critical: 'super-light-purple', high: 'light-purple', medium: 'purple', low: 'semi-dark-purple' },
  light: { critical: 'dark-purple', high: 'semi-dark-purple', medium: 'purple', low: 'light-purple' },
} as const;

const loadShades = {
  dark: { cpu: 'blue', memory: 'light-yellow', disk: 'orange' },
  light: { cpu: 'blue', memory: 'dark-green', disk: 'dark-orange' },
} as const;

export function tideColors({ colors, isDark, visualization }: GrafanaTheme2): TideColors {
  const mode = isDark ? 'dark' : 'light';
  const named = <K extends string>(names: Readonly<Record<K, string>>): Record<K, string> =>
    Object.fromEntries(
      Object.entries<string>(names).map(([key, name]) => [key, visualization.getColorByName(name)]),
    ) as Record<K, string>;
  const priority = named(priorityShades[mode]);
  return {
    priority,
    onPriority: {
      critical: colors.getContrastText(priority.critical),
      high: colors.getContrastText(priority.high),
      medium: colors.getContrastText(priority.medium),
      low: colors.getContrastText(priority.low),
    },
    result: {
      running: colors.info.text,
      completed: colors.success.text,
      failed: colors.error.text,
      cancelled: colors.text.secondary,
      interrupted: colors.warning.text,
    },
    load: named(loadShades[mode]),
    lowTide: colors.info.transparent,
    track: colors.action.selected,
    grid: colors.border.weak,
    day: colors.border.medium,
    text: colors.text.primary,
    faint: colors.text.secondary,
    now: colors.text.primary,
    ground: colors.background.primary,
  };
}

export function colorOf(event: TideEvent, priority: Priority, colors: TideColors): string {
  return event.kind === 'planned' ? colors.priority[priority] : colors.result[event.run.status];
}
