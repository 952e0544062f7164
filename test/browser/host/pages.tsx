import React, { useEffect, useState } from 'react';
import {
  dateMath,
  dateTime,
  EventBusSrv,
  getDefaultTimeRange,
  LoadingState,
  PluginContextProvider,
  type AppPlugin,
  type PanelPlugin,
  type TimeRange,
} from '@grafana/data';
import { LoadingPlaceholder, PanelChrome, Tab, TabContent, TabsBar } from '@grafana/ui';
import { useLocation } from 'react-router-dom-v5-compat';
import { PageTitle, PluginPage } from './shell.tsx';
import type { PluginMeta } from './settings.ts';

/** As Grafana's loader does: by SystemJS, from below the plugin's own id. */
async function load<T>(id: string): Promise<T> {
  const { plugin } = await System.import<System.Module & { readonly plugin: T }>(
    new URL(`public/plugins/${id}/module.js`, document.baseURI).href,
  );
  return plugin;
}

function useLoaded<T>(id: string): T | undefined {
  const [plugin, setPlugin] = useState<T>();
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => void load<T>(id).then((loaded) => setPlugin(() => loaded), setFailure), [id]);
  if (failure !== undefined) throw failure;
  return plugin;
}

/** What Grafana lists in its command palette and in the menus of panels; the two versions keep it in different places. */
function titlesOfLinks(plugin: object): readonly string[] {
  type Links = readonly { readonly title: string }[];
  const { addedLinkConfigs, extensionConfigs }: { addedLinkConfigs?: Links; extensionConfigs?: Links } =
    plugin;
  return (addedLinkConfigs ?? extensionConfigs ?? []).map(({ title }) => title);
}

export function AppPage(): React.JSX.Element {
  const { app } = window.hostSettings;
  const plugin = useLoaded<AppPlugin>(app.id);
  const { pathname, search } = useLocation();
  if (plugin === undefined) return <LoadingPlaceholder text="Loading" />;
  plugin.meta = app as never;
  plugin.init(app as never);
  document.documentElement.dataset['links'] = titlesOfLinks(plugin).join('|');
  const Root = plugin.root;
  if (Root === undefined) throw new Error('the app has no root page');
  const query = Object.fromEntries(new URLSearchParams(search));
  return (
    <PluginContextProvider meta={app as never}>
      <Root
        meta={app as never}
        basename={`/a/${app.id}`}
        path={pathname}
        query={query}
        onNavChanged={() => undefined}
      />
    </PluginContextProvider>
  );
}

export function ConfigPage(): React.JSX.Element {
  const { app } = window.hostSettings;
  const plugin = useLoaded<AppPlugin>(app.id);
  if (plugin === undefined) return <LoadingPlaceholder text="Loading" />;
  plugin.meta = app as never;
  plugin.init(app as never);
  const [page] = plugin.configPages ?? [];
  if (page === undefined) throw new Error('the app has no configuration');
  const Body = page.body;
  return (
    <PageTitle.Provider value={app.name}>
      <PluginPage>
        <TabsBar>
          <Tab label="Overview" />
          <Tab label={page.title} icon={page.icon} active />
        </TabsBar>
        <TabContent style={{ paddingTop: 16 }}>
          <PluginContextProvider meta={app as never}>
            <Body plugin={plugin} query={{}} />
          </PluginContextProvider>
        </TabContent>
      </PluginPage>
    </PageTitle.Provider>
  );
}

/** A dashboard of one panel. What it shows is told by the address: `panel`, `from`, `to`, `timezone`, `options`, `width`, `height`. */
export function DashboardPage(): React.JSX.Element {
  const { search } = useLocation();
  const query = new URLSearchParams(search);
  const id = query.get('panel') ?? '';
  const meta = window.hostSettings.panels[id];
  const plugin = useLoaded<PanelPlugin>(id);
  if (plugin === undefined || meta === undefined) return <LoadingPlaceholder text="Loading" />;
  return <OnePanel plugin={plugin} meta={meta} query={query} />;
}

const eventBus = new EventBusSrv();

interface OnePanelProps {
  readonly plugin: PanelPlugin;
  readonly meta: PluginMeta;
  readonly query: URLSearchParams;
}

function OnePanel({ plugin, meta, query }: OnePanelProps): React.JSX.Element {
  plugin.meta = meta as never;
  const [options, setOptions] = useState<object>({
    ...(plugin.defaults as object | undefined),
    ...(JSON.parse(query.get('options') ?? '{}') as object),
  });
  const [timeRange, setTimeRange] = useState(() => rangeOf(query));
  const [refreshes, setRefreshes] = useState(0);
  const refresh = (): void => {
    setRefreshes(refreshes + 1);
    setTimeRange(rangeOf(query));
  };
  const Panel = plugin.panel;
  if (Panel === null) throw new Error('the plugin has no panel');
  const width = Number(query.get('width') ?? 1000);
  const height = Number(query.get('height') ?? 500);
  return (
    <div style={{ padding: 16 }}>
      <button data-testid="refresh" onClick={refresh} style={{ position: 'absolute', right: 0 }}>
        Refresh
      </button>
      <PluginContextProvider meta={meta as never}>
        <PanelChrome title={query.get('title') ?? meta.name} width={width} height={height}>
          {(innerWidth, innerHeight) => (
            <Panel
              id={1}
              title={meta.name}
              data={{
                state: LoadingState.Done,
                series: [],
                timeRange,
                request: { requestId: `Q${refreshes}` } as never,
              }}
              timeRange={timeRange}
              timeZone={query.get('timezone') ?? 'browser'}
              options={options}
              onOptionsChange={setOptions}
              fieldConfig={{ defaults: {}, overrides: [] }}
              onFieldConfigChange={() => undefined}
              transparent={false}
              width={innerWidth}
              height={innerHeight}
              renderCounter={refreshes}
              replaceVariables={(text) => text}
              eventBus={eventBus}
              onChangeTimeRange={({ from, to }) => {
                const range = { from: dateTime(from), to: dateTime(to) };
                setTimeRange({ ...range, raw: range });
              }}
            />
          )}
        </PanelChrome>
      </PluginContextProvider>
    </div>
  );
}

/** Grafana's own words (`now-24h`), or milliseconds. */
function rangeOf(query: URLSearchParams): TimeRange {
  const at = (name: string, isUp: boolean) => {
    const text = query.get(name);
    if (text === null) return undefined;
    return /^\d+$/.test(text) ? dateTime(Number(text)) : dateMath.parse(text, isUp);
  };
  const from = at('from', false);
  const to = at('to', true);
  if (from === undefined || to === undefined) return getDefaultTimeRange();
  return { from, to, raw: { from: query.get('from') ?? '', to: query.get('to') ?? '' } };
}
