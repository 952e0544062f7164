import { writeFileSync } from 'node:fs';
import { dashboards, textOf } from './dashboards.ts';

/** `npm run dashboards`: writes dashboards/*.json anew. */
for (const [name, dashboard] of Object.entries(dashboards)) {
  writeFileSync(new URL(`../${name}.json`, import.meta.url), textOf(dashboard));
}
