/**
 * How Grafana chooses the route of an app's plugin.json for a request to its proxy, and what it makes of it: as in
 * pkg/api/pluginproxy. Routes are tried in order; the first whose method and path fit decides, also where its role says no.
 */
export interface PluginRoute {
  readonly path: string;
  readonly method?: string;
  readonly reqRole?: Role;
  readonly url: string;
  readonly headers?: readonly { readonly name: string; readonly content: string }[];
}

export type Role = 'Viewer' | 'Editor' | 'Admin';

export interface RouteData {
  readonly jsonData: Readonly<Record<string, unknown>>;
  readonly secureJsonData: Readonly<Record<string, string>>;
}

export type Chosen =
  | { readonly kind: 'none' }
  | { readonly kind: 'denied' }
  | { readonly kind: 'forward'; readonly url: string; readonly headers: Readonly<Record<string, string>> };

const ranks: Readonly<Record<Role, number>> = { Viewer: 0, Editor: 1, Admin: 2 };

export function chooseRoute(
  routes: readonly PluginRoute[],
  request: { readonly method: string; readonly path: string; readonly role: Role },
  data: RouteData,
): Chosen {
  const path = decodeURIComponent(request.path);
  for (const route of routes) {
    const { method = '', reqRole, url, headers = [] } = route;
    // A list of methods is compared as one name: it never fits.
    if (method !== '' && method !== '*' && method !== request.method) continue;
    const rest = matchPath(route.path, path);
    if (rest === undefined) continue;
    if (reqRole !== undefined && ranks[request.role] < ranks[reqRole]) return { kind: 'denied' };
    return {
      kind: 'forward',
      url: joined(render(url, data), rest),
      headers: Object.fromEntries(headers.map(({ name, content }) => [name, render(content, data)])),
    };
  }
  return { kind: 'none' };
}

/** What `*` stands for, and '' without one; undefined where the path does not fit. */
function matchPath(pattern: string, path: string): string | undefined {
  const wanted = pattern.split('/');
  const given = path.replace(/^\//, '').replace(/\/$/, '').split('/');
  for (const [index, part] of wanted.entries()) {
    if (part === '*') {
      const rest = given.slice(index).join('/');
      return rest === '' ? undefined : rest;
    }
    const segment = given[index];
    if (segment === undefined || (segment !== part && !part.startsWith(':'))) return undefined;
  }
  return given.length === wanted.length ? '' : undefined;
}

/** Go's text/template, as far as it is used: of JsonData what is missing is `<no value>`, of the secrets nothing. */
function render(template: string, { jsonData, secureJsonData }: RouteData): string {
  return template.replace(
    /\{\{\s*\.(JsonData|SecureJsonData)\.(\w+)\s*\}\}/g,
    (_, of: string, name: string) =>
      of === 'JsonData' ? asText(jsonData[name]) : (secureJsonData[name] ?? ''),
  );
}

function joined(url: string, rest: string): string {
  return rest === '' ? url : `${url.replace(/\/$/, '')}/${rest}`;
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
