import './settings.ts';

/** Loaded before anything imports `@grafana/runtime`, which reads this once. */
const { version, theme, language, timezone, user, app, panels } = window.hostSettings;

window.grafanaBootData = {
  user: {
    id: 1,
    isSignedIn: true,
    login: user.login,
    name: user.login,
    orgId: 1,
    orgName: 'Main Org.',
    orgRole: user.role,
    isGrafanaAdmin: false,
    timezone,
    language,
    theme,
    lightTheme: theme === 'light',
    weekStart: 'monday',
    permissions: {},
  },
  settings: {
    appUrl: `${location.origin}/`,
    appSubUrl: '',
    buildInfo: { version, commit: 'test', env: 'production', edition: 'Open Source' },
    featureToggles: {},
    licenseInfo: {},
    datasources: {},
    panels,
    apps: { [app.id]: app },
    bootData: {},
  },
  navTree: [],
};
