import type { Key, Status } from 'lowtide/api';
import type { Rotation } from '../../api/answers.ts';
import { allOf } from '../../api/client.ts';
import { exporter } from '../../api/grafana.ts';

export interface KeysSeen {
  readonly status: Status;
  /** The newest first. */
  readonly keys: readonly Key[];
  /** The one begun last first. */
  readonly rotations: readonly Rotation[];
}

export async function lookAtKeys(): Promise<KeysSeen> {
  const [status, keys, rotations] = await Promise.all([
    exporter.status(),
    allOf(exporter.keys),
    exporter.rotations({ limit: 5 }),
  ]);
  return { status, keys: [...keys].reverse(), rotations: rotations.items };
}
