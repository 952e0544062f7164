import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { chooseRoute, type PluginRoute, type Role, type RouteData } from './routes.ts';

export interface ProxyUser {
  readonly login: string;
  readonly role: Role;
}

interface ProxyOptions {
  readonly routes: readonly PluginRoute[];
  /** Undefined where the app is not enabled. */
  readonly settings: RouteData | undefined;
  readonly user: ProxyUser;
  /** `[dataproxy] send_user_header` */
  readonly sendsUser: boolean;
  /** How long the exporter may take to begin its answer. */
  readonly timeoutMs: number;
}

const removedOnTheWayIn = ['cookie', 'origin', 'referer', 'host', 'connection', 'x-grafana-user'];
const removedOnTheWayOut = ['set-cookie', 'connection', 'keep-alive', 'transfer-encoding'];

/** Hands a request on to the exporter as Grafana's proxy for app plugins does; `path` is what follows the plugin's id. */
export async function proxy(
  incoming: IncomingMessage,
  answer: ServerResponse,
  path: string,
  { routes, settings, user, sendsUser, timeoutMs }: ProxyOptions,
): Promise<void> {
  if (settings === undefined) {
    say(answer, 404, 'Plugin not found, no installed plugin with that id');
    return;
  }
  const [pathname = '', query] = path.split('?');
  const { method = 'GET' } = incoming;
  const chosen = chooseRoute(routes, { method, path: pathname, role: user.role }, settings);
  if (chosen.kind === 'none') {
    say(answer, 404, 'plugin route match not found');
    return;
  }
  if (chosen.kind === 'denied') {
    say(answer, 403, 'plugin proxy route access denied');
    return;
  }
  const target = addressOf(chosen.url, query);
  if (target === undefined) {
    say(answer, 500, 'Failed to parse the url of the route');
    return;
  }

  const headers = Object.fromEntries(
    Object.entries(incoming.headers).filter(([name]) => !removedOnTheWayIn.includes(name)),
  );
  const outgoing = httpRequest(target, {
    method,
    headers: {
      ...headers,
      'user-agent': 'Grafana/13.2.2',
      'x-grafana-context': JSON.stringify({ login: user.login, orgRole: user.role }),
      ...(sendsUser && { 'x-grafana-user': user.login }),
      ...lowerCased(chosen.headers),
    },
  });
  incoming.pipe(outgoing);
  try {
    const response = await answerOf(outgoing, timeoutMs);
    const kept = Object.entries(response.headers).filter(([name]) => !removedOnTheWayOut.includes(name));
    answer.writeHead(response.statusCode ?? 502, {
      ...Object.fromEntries(kept),
      'content-security-policy': 'sandbox',
    });
    await pipeline(response, answer);
  } catch (error) {
    outgoing.destroy();
    if (answer.headersSent) return void answer.destroy();
    answer.writeHead(error instanceof Late ? 504 : 502).end();
  }
}

class Late extends Error {}

async function answerOf(
  outgoing: ReturnType<typeof httpRequest>,
  timeoutMs: number,
): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Late()), timeoutMs);
    outgoing.once('response', resolve).once('error', reject);
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('response', () => clearTimeout(timer));
  });
}

function addressOf(url: string, query: string | undefined): URL | undefined {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address !== undefined && query !== undefined) address.search = query;
  return address;
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function say(answer: ServerResponse, status: number, message: string): void {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
}
