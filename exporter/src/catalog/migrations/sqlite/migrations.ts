import { initial } from './0001-initial.ts';
import { access } from './0002-access.ts';
import { load } from './0003-load.ts';
import { rotations } from './0004-rotations.ts';
import { pacing } from './0005-pacing.ts';
import { reviews } from './0006-reviews.ts';
import { work } from './0007-work.ts';
import { throughput } from './0008-throughput.ts';
import { resumptions } from './0009-resumptions.ts';
import { drills } from './0010-drills.ts';
import { hostLoads } from './0011-host-loads.ts';
import { runLogs } from './0012-run-logs.ts';
import { healing } from './0013-healing.ts';
import { snapshots } from './0014-snapshots.ts';
import { fullReads } from './0015-full-reads.ts';

/** In order; the file's `user_version` is the number of those it has had. */
export const migrations: readonly string[] = [
  initial,
  access,
  load,
  rotations,
  pacing,
  reviews,
  work,
  throughput,
  resumptions,
  drills,
  hostLoads,
  runLogs,
  healing,
  snapshots,
  fullReads,
];
