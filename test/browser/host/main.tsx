import React from 'react';
import { createTheme, EventBusSrv, standardEditorsRegistry, ThemeContext } from '@grafana/data';
import * as runtime from '@grafana/runtime';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { Router, Switch } from 'react-router-dom';
import { CompatRoute, CompatRouter } from 'react-router-dom-v5-compat';
import { backend } from './backend.ts';
import { AppPage, ConfigPage, DashboardPage } from './pages.tsx';
import { PluginPage, Shell } from './shell.tsx';

/** What a Grafana shares with its plugins, by the names that they import. */
export type Shared = Readonly<Record<string, object>>;

/** Sets up what Grafana has set up before it loads a plugin; returns what the page shows. */
export function prepare(shared: Shared): React.JSX.Element {
  const theme = createTheme({ colors: { mode: window.hostSettings.theme } });
  Object.assign(runtime.config, { theme2: theme });
  // Panels name the editors of their options by these ids. Nobody edits here.
  standardEditorsRegistry.setInit(() =>
    ['boolean', 'number', 'radio', 'select', 'text'].map((id) => ({ id, name: id, editor: () => null })),
  );
  runtime.setBackendSrv(backend as never);
  runtime.setAppEvents(new EventBusSrv());
  runtime.setEchoSrv({
    addEvent: () => undefined,
    addBackend: () => undefined,
    flush: () => undefined,
    onInteraction: () => () => undefined,
  });
  runtime.setTemplateSrv({ replace: (text = '') => text, getVariables: () => [] } as never);
  runtime.setDataSourceSrv({ getList: () => [], getInstanceSettings: () => undefined } as never);
  runtime.setReturnToPreviousHook(() => () => undefined);
  const map = { ...shared, '@grafana/runtime': { ...runtime, PluginPage } };
  for (const [name, module] of Object.entries(map)) {
    System.set(`package:${name}`, { ...module, __useDefault: true, default: { ...module } });
  }
  System.addImportMap({
    imports: Object.fromEntries(Object.keys(map).map((name) => [name, `package:${name}`])),
  });
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Router history={runtime.locationService.getHistory()}>
        <CompatRouter>
          <Shell>
            <Switch>
              <CompatRoute path="/a/:pluginId" component={AppPage} />
              <CompatRoute path="/plugins/:pluginId" component={ConfigPage} />
              <CompatRoute path="/d" component={DashboardPage} />
            </Switch>
          </Shell>
        </CompatRouter>
      </Router>
      <PortalContainer />
    </ThemeContext.Provider>
  );
}
