import type { PluginExtensionPanelContext } from '@grafana/data';
import { appPath } from '../constants.ts';

type Panel = Readonly<Partial<PluginExtensionPanelContext>>;

/**
 * Ways into the app from elsewhere in Grafana. They are known before any words are loaded, and Grafana 12 and later take them only
 * where `plugin.json` says the same: so they are in English.
 */
export interface AddedLink {
  readonly title: string;
  readonly description: string;
  readonly targets: string[];
  readonly path: string;
  readonly configure?: (panel: Panel | undefined) => { readonly path: string } | undefined;
}

const commandPalette = 'grafana/commandpalette/action';
const panelMenu = 'grafana/dashboard/panel/menu';

export const links: readonly AddedLink[] = [
  {
    title: 'Lowtide: is every backup safe?',
    description: 'What needs attention, and what is next',
    targets: [commandPalette],
    path: `${appPath}/overview`,
  },
  {
    title: 'Lowtide: run a backup',
    description: 'The schedules, when each runs, and why then',
    targets: [commandPalette],
    path: `${appPath}/schedules`,
  },
  {
    title: 'Lowtide: restore a backup',
    description: 'The backups there are, and where their copies lie',
    targets: [commandPalette],
    path: `${appPath}/backups`,
  },
  {
    title: 'Lowtide: rotate the keys',
    description: 'Which key opens what, and how old they are',
    targets: [commandPalette],
    path: `${appPath}/keys`,
  },
  {
    title: 'Open in Lowtide',
    description: 'The page of the app about what this panel shows',
    targets: [panelMenu],
    path: `${appPath}/overview`,
    configure: linkAbout,
  },
];

type Page = 'overview' | 'schedules' | 'backups' | 'keys' | 'activity';

/** What a metric's name says it is about, the first that fits. */
const subjects: readonly (readonly [RegExp, Page])[] = [
  [/\bbackup_key_/, 'keys'],
  [/\bbackup_(load|schedule|next|deferred|missed|skipped|start_delay|run|expected|best|fixed)_/, 'schedules'],
  [/\bbackup_(errors|duration)_/, 'activity'],
  [/\bbackup_(size|store|compression|upload|encryption|verification|restore)_/, 'backups'],
  [/\b(backup|lowtide)_/, 'overview'],
];

/** Undefined for a panel that shows nothing of Lowtide's: its menu stays as it is. */
function linkAbout(panel: Panel | undefined): { readonly path: string } | undefined {
  const page = pageAbout(panel);
  return page && { path: `${appPath}/${page}` };
}

function pageAbout(panel: Panel | undefined): Page | undefined {
  if (panel?.pluginId === 'lowtide-schedule-panel') return 'schedules';
  if (panel?.pluginId === 'lowtide-rotation-panel') return 'keys';
  const asked = (panel?.targets ?? []).map((target) => ('expr' in target ? String(target.expr) : ''));
  return subjects.find(([pattern]) => asked.some((text) => pattern.test(text)))?.[1];
}
