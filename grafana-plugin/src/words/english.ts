import { app } from './english/app.ts';
import { decisions } from './english/decisions.ts';
import { pages } from './english/pages.ts';
import { panels } from './english/panels.ts';

/** All sentences of the plugin. Plurals end in `_one` and `_other`, as i18next has them. */
export const english = { ...app, ...decisions, ...pages, ...panels } as const;
