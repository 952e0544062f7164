import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Every bench, one after the other, or those named: `npm run bench -- seal catalog`. */
const folder = fileURLToPath(new URL('.', import.meta.url));
const wanted = process.argv.slice(2);
const benches = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && name !== 'all.ts')
  .map((name) => name.replace(/\.ts$/, ''))
  .filter((name) => wanted.length === 0 || wanted.includes(name));

for (const bench of benches) {
  console.log(`\n# ${bench}`);
  const end = spawnSync(process.execPath, [`${folder}${bench}.ts`], { stdio: 'inherit' });
  if (end.status !== 0) process.exitCode = 1;
}
