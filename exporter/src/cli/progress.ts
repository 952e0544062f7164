import { SingleBar } from 'cli-progress';
import { formatSize } from '../units/size.ts';

export interface ProgressOptions {
  readonly stderr: NodeJS.WriteStream;
  /** What is being done, as `Backing up files`. */
  readonly title: string;
  /** How many bytes are expected, where that is known. */
  readonly expectedBytes?: number;
  /** It is told as a share of all there is to do, 0 to 1, where bytes say nothing. */
  readonly isShare?: boolean;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
}

export interface Progress extends Disposable {
  /** `expectedBytes`: where the work finds out meanwhile how much it is. */
  readonly update: (bytes: number, expectedBytes?: number) => void;
}

/** On a terminal the eye follows; in a log one line in a while is enough. */
const drawEveryMs = 100;
const lineEveryMs = 10_000;

/** A bar on a terminal, plain lines elsewhere; gone, or quiet, once disposed. */
export function startProgress(options: ProgressOptions): Progress {
  return options.stderr.isTTY ? bar(options) : lines(options);
}

function bar({ stderr, title, expectedBytes, elapsed, isShare = false }: ProgressOptions): Progress {
  const started = elapsed();
  const known = expectedBytes !== undefined && expectedBytes > 0;
  const withBar = `${title} {bar} {percentage}%`;
  const format = isShare
    ? withBar
    : known
      ? `${withBar} | {bytes} | {rate}/s`
      : `${title} {bytes} | {rate}/s`;
  const view = new SingleBar({
    stream: stderr,
    format,
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    fps: 1000 / drawEveryMs,
  });
  const shown = (bytes: number): { bytes: string; rate: string } => ({
    bytes: formatSize(bytes),
    rate: formatSize(bytes / Math.max(0.001, (elapsed() - started) / 1000)),
  });
  let total = known ? expectedBytes : 1;
  view.start(total, 0, shown(0));
  return {
    // A guess is a guess: what goes on beyond it stays at 99 %.
    update(bytes, nowExpected) {
      if (nowExpected !== undefined) view.setTotal((total = nowExpected));
      view.update(Math.min(bytes, total * 0.99), shown(bytes));
    },
    [Symbol.dispose]: () => view.stop(),
  };
}

function lines({ stderr, title, expectedBytes, elapsed, isShare = false }: ProgressOptions): Progress {
  let next = elapsed() + lineEveryMs;
  return {
    update(bytes, nowExpected = expectedBytes) {
      if (elapsed() < next) return;
      next = elapsed() + lineEveryMs;
      const of = nowExpected === undefined ? '' : ` of about ${formatSize(nowExpected)}`;
      const done = isShare ? `${Math.floor(100 * bytes)} %` : `${formatSize(bytes)}${of}`;
      stderr.write(`${title}: ${done}\n`);
    },
    [Symbol.dispose]: () => undefined,
  };
}
