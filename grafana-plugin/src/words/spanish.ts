import { app } from './spanish/app.ts';
import { decisions } from './spanish/decisions.ts';
import { pages } from './spanish/pages.ts';
import { panels } from './spanish/panels.ts';

export const spanish = { ...app, ...decisions, ...pages, ...panels } as const;
