import { app } from './english/app.ts';
import { decisions } from './english/decisions.ts';
import { panels } from './english/panels.ts';

/** All sentences of the plugin. Plurals end in `_one` and `_other`, as i18next has them. */
export const english = { ...app, ...decisions, ...panels } as const;
