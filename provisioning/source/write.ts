import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { generatedFiles } from './files.ts';

/**
 * Writes the generated files: `npm run provisioning`. For a wiki of one's own:
 * `npm run provisioning -- --runbooks https://wiki.example.org/lowtide --output /etc/lowtide`.
 */
const { values } = parseArgs({
  options: { runbooks: { type: 'string' }, output: { type: 'string' } },
});
const folder = values.output ?? join(import.meta.dirname, '..');
for (const [name, text] of Object.entries(generatedFiles(values.runbooks))) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
