import { promisify } from 'node:util';
import { gzip, gzipSync } from 'node:zlib';
import type { Registry } from 'prom-client';
import { recent } from '../probe/recent.ts';
import type { EpochMs } from '../units/instant.ts';
import { contentTypes, readFamilies, renderPage, type PageFormat } from './exposition.ts';

/** `/metrics`, ready to be sent. */
export interface MetricsPage {
  readonly contentType: string;
  readonly body: Buffer;
  /** Compressed, once however many ask. */
  gzipped(): Promise<Buffer>;
}

export type MetricsPages = (format: PageFormat) => Promise<MetricsPage>;

export interface PageOptions {
  readonly registry: Registry;
  /** Brings the registry up to date. */
  readonly collect: () => Promise<void>;
  readonly now: () => EpochMs;
  /** Hears once of a metric that cannot be read. */
  readonly onError: (metric: string, error: unknown) => void;
}

/** Making a page blocks the event loop for some 2 ms per 1,000 series; a larger one is given again for a while. */
const smallPageSeries = 10_000;
const largePageMaxAgeMs = 1000;

const inThread = promisify(gzip);
/** The fastest level: text with this many repetitions shrinks to a tenth either way. */
const level = 1;
/** Some 2 ms of work. */
const smallPageBytes = 512 * 1024;

/** The threads may be waiting for a disk, a rotation's flushes among them: what is soon done is not queued behind those. */
async function compress(body: Buffer): Promise<Buffer> {
  return body.length <= smallPageBytes ? gzipSync(body, { level }) : await inThread(body, { level });
}

/** Makes pages on demand; those who ask for the same format at the same time share one. */
export function metricsPages(options: PageOptions): MetricsPages {
  const pages = {
    text: recentPages('text', options),
    openmetrics: recentPages('openmetrics', options),
  };
  return (format) => pages[format]();
}

function recentPages(format: PageFormat, options: PageOptions): () => Promise<MetricsPage> {
  const failing = new Set<string>();
  const onError = (metric: string, error: unknown): void => {
    if (!failing.has(metric)) options.onError(metric, error);
    failing.add(metric);
  };
  return recent(
    async () => {
      await options.collect();
      const { text, series } = renderPage(await readFamilies(options.registry, onError), format);
      const body = Buffer.from(text);
      let gzipped: Promise<Buffer> | undefined;
      return {
        contentType: contentTypes[format],
        body,
        gzipped: () => (gzipped ??= compress(body)),
        series,
      };
    },
    (page) => (page.series > smallPageSeries ? largePageMaxAgeMs : 0),
    options.now,
  );
}
