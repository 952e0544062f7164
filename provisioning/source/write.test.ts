import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it("writes the rules elsewhere, with runbooks in a wiki of one's own", () => {
  const folder = mkdtempSync(join(tmpdir(), 'lowtide-rules-'));
  try {
    const write = join(import.meta.dirname, 'write.ts');
    execFileSync(process.execPath, [write, '--runbooks', 'https://wiki.test/lowtide', '--output', folder]);
    for (const path of ['prometheus/rules/lowtide-alerts.yml', 'grafana/alerting/lowtide.yaml']) {
      const text = readFileSync(join(folder, path), 'utf8');
      expect(text).toContain('runbook_url: https://wiki.test/lowtide#lowtidestoredown\n');
      expect(text).not.toContain('/docs/runbooks.md');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
