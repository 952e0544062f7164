import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can fall silent: connections stay, and nothing passes any more. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Nothing passes, in neither direction, on old connections and new ones. */
  freeze(): void;
  /** What has been held back arrives. */
  thaw(): void;
  /**
   * From now on what comes back is swallowed: the server does what it is asked, and nobody hears that it did. `onAll`: on the
   * connections to come as well, until they are cut.
   */
  swallowAnswers(onAll?: boolean): void;
  /** Old connections break; new ones are as good as new. */
  cut(): void;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isFrozen = false;
  let isSwallowing = false;
  const swallow = (far: Socket): void => {
    far.removeAllListeners('data').resume();
  };
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => near.write(bytes));
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
      if (isFrozen) socket.pause();
    }
    if (isSwallowing) swallow(far);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    isSwallowing = false;
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      isFrozen = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    thaw() {
      isFrozen = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    swallowAnswers(onAll = false) {
      isSwallowing = onAll;
      for (const [, far] of pairs) swallow(far);
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
