/** What the panels say. */
export const panels = {
  'tide.title': 'Tide chart',
  'rotation.title': 'Key rotation',
} as const;
