/** What the server writes into the page: what a real Grafana tells its frontend when it is opened. */
export interface HostSettings {
  readonly version: string;
  readonly theme: 'dark' | 'light';
  readonly language: string;
  readonly timezone: string;
  readonly user: { readonly login: string; readonly role: 'Viewer' | 'Editor' | 'Admin' };
  readonly app: PluginMeta;
  /** By id. */
  readonly panels: Readonly<Record<string, PluginMeta>>;
}

/** The parts of plugin.json that the frontend sees, and the settings that are no secrets. */
export interface PluginMeta {
  readonly id: string;
  readonly name: string;
  readonly info: {
    readonly version: string;
    readonly logos: { readonly small: string; readonly large: string };
  };
  readonly includes: readonly Include[];
  readonly enabled: boolean;
  readonly jsonData: Readonly<Record<string, unknown>>;
  readonly secureJsonFields: Readonly<Record<string, boolean>>;
}

export interface Include {
  readonly type: string;
  readonly name: string;
  readonly path: string;
  readonly role?: string;
  readonly addToNav?: boolean;
  readonly icon?: string;
}

declare global {
  interface Window {
    hostSettings: HostSettings;
    grafanaBootData: unknown;
  }
}
