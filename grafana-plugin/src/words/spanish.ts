import { app } from './spanish/app.ts';
import { decisions } from './spanish/decisions.ts';
import { panels } from './spanish/panels.ts';

export const spanish = { ...app, ...decisions, ...panels } as const;
