import type { EpochMs } from '../../units/instant.ts';
import type { Line } from '../line.ts';
import type { RetryPolicy } from '../retrying.ts';

/** Where blobs lie, as the configuration has it. */
export interface AzureOptions {
  readonly id: string;
  /** The `cloud_provider` label. */
  readonly provider: string;
  readonly container: string;
  /** What all names of blobs begin with; no slash at either end, empty for none. */
  readonly prefix: string;
  /** Absent with a connection string alone. */
  readonly account?: string | undefined;
  /** Absent: Azure's own for the account. */
  readonly endpoint?: string | undefined;
  readonly accessTier?: string | undefined;
  /** Absent: the SDK's own chain (environment, workload and managed identity, the Azure CLI). */
  readonly credentials?: AzureCredentials | undefined;
  readonly retry: RetryPolicy;
  /** Absent: nothing limits it. */
  readonly line?: Line | undefined;
  /** To tell which locks are over. */
  readonly now: () => EpochMs;
}

export type AzureCredentials =
  | { readonly kind: 'connection_string'; readonly text: string }
  | { readonly kind: 'account_key'; readonly key: string }
  | { readonly kind: 'sas_token'; readonly token: string };
