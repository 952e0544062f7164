import type { panels as english } from '../english/panels.ts';

export const panels = {
  'tide.title': 'Carta de mareas',
  'rotation.title': 'Rotación de claves',
} as const satisfies Record<keyof typeof english, string>;
