export const pluginId = 'lowtide-backups-app';
/** Where Grafana serves the app's pages, without the root of Grafana. */
export const appPath = `/a/${pluginId}`;
/** Where its settings are. */
export const configPath = `/plugins/${pluginId}`;
/** Grafana shows the app's README there. */
export const setupHelp = `${configPath}?page=overview`;

/** What is set up in Grafana; the token is a secret that browsers never get to see. */
export type Settings = {
  /** As `http://db-host-1:10210`, the way Grafana's server reaches it. */
  readonly exporterUrl?: string;
};
