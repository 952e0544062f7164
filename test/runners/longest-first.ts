import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take half a minute and more. Begun late, one of them would go on alone when the other workers have nothing left. */
const longest = [
  'crash/rotation-s3',
  'crash/rotation',
  'integration/fleet-pools',
  'integration/fleet-rotation',
  'integration/rules',
  'integration/state-migrate',
  'crash/fleet-kills',
  'integration/cli',
  'crash/cut-off',
  'integration/stand-in',
  'integration/dashboards',
  'integration/rotation-beside',
  'integration/tide',
  'integration/any-exporter',
  'crash/serve',
  'crash/state-migrate',
  'integration/fleet-queue',
  'integration/fleet-silent',
  'integration/fleet-members',
  'browser/hosts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return rank === -1 ? longest.length : rank;
}
