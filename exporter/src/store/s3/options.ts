import type { EpochMs } from '../../units/instant.ts';
import type { Line } from '../line.ts';
import type { RetryPolicy } from '../retrying.ts';

/** Where objects lie, as the configuration has it. */
export interface S3Options {
  readonly id: string;
  /** The `cloud_provider` label. */
  readonly provider: string;
  readonly bucket: string;
  readonly region: string;
  /** What all keys begin with; no slash at either end, empty for none. */
  readonly prefix: string;
  /** Absent: Amazon's for the region. */
  readonly endpoint?: string | undefined;
  /** `endpoint/bucket/key` rather than `bucket.endpoint/key`. */
  readonly pathStyle: boolean;
  readonly storageClass?: string | undefined;
  /** Absent: the SDK's own chain (environment, files, web identity, instance). */
  readonly credentials?:
    | {
        readonly accessKeyId: string;
        readonly secretAccessKey: string;
        readonly sessionToken?: string;
      }
    | undefined;
  /** `none` for servers that refuse the headers of S3's checksums. */
  readonly checksums: 'crc32' | 'none';
  readonly retry: RetryPolicy;
  /** Absent: nothing limits it. */
  readonly line?: Line | undefined;
  /** To tell which locks are over. */
  readonly now: () => EpochMs;
}
