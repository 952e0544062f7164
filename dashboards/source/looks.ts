import {
  FieldColorModeId,
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type DynamicConfigValue,
  type ValueMap,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** Colours and words that mean the same on every dashboard. */

export const colours = {
  good: 'green',
  doubtful: 'orange',
  bad: 'red',
  neutral: 'blue',
  quiet: 'text',
} as const;
type Colour = (typeof colours)[keyof typeof colours];

/** Colours from a value on; the first one holds below them all. */
export function steps(
  first: Colour,
  ...further: readonly (readonly [from: number, colour: Colour])[]
): ThresholdsConfigBuilder {
  const above = further.map(([value, color]) => ({ value, color }));
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: first }, ...above]);
}

/** More is worse. */
export const risesToBad = (doubtful: number, bad: number): ThresholdsConfigBuilder =>
  steps(colours.good, [doubtful, colours.doubtful], [bad, colours.bad]);

/** Less is worse. */
export const fallsToBad = (bad: number, doubtful: number): ThresholdsConfigBuilder =>
  steps(colours.bad, [bad, colours.doubtful], [doubtful, colours.good]);

/** Good as long as there is none of it. */
export const noneIsGood = (): ThresholdsConfigBuilder => steps(colours.good, [1, colours.bad]);

/** Nothing about it is good or bad. */
export const plain = (): ThresholdsConfigBuilder => steps(colours.neutral);

export function says(texts: Readonly<Record<string, readonly [text: string, colour: Colour]>>): ValueMapping {
  const options: ValueMap['options'] = {};
  for (const [index, [value, [text, color]]] of Object.entries(texts).entries()) {
    options[value] = { text, color, index };
  }
  return { type: MappingType.ValueToText, options };
}

/** For gauges that are 1 where all is well. */
export const wellOrNot = (well: string, not: string): ValueMapping =>
  says({ 1: [well, colours.good], 0: [not, colours.bad] });

/** Properties of one field, for overrides. */
export const shown = {
  as: (displayName: string): DynamicConfigValue => ({ id: 'displayName', value: displayName }),
  in: (unit: string): DynamicConfigValue => ({ id: 'unit', value: unit }),
  digits: (decimals: number): DynamicConfigValue => ({ id: 'decimals', value: decimals }),
  wide: (pixels: number): DynamicConfigValue => ({ id: 'custom.width', value: pixels }),
  mapped: (...mappings: readonly ValueMapping[]): DynamicConfigValue => ({ id: 'mappings', value: mappings }),
  coloured: (color: string): DynamicConfigValue => ({
    id: 'color',
    value: { mode: FieldColorModeId.Fixed, fixedColor: color },
  }),
  lit: (thresholds: ThresholdsConfigBuilder): DynamicConfigValue[] => [
    { id: 'thresholds', value: thresholds.build() },
    { id: 'color', value: { mode: FieldColorModeId.Thresholds } },
    { id: 'custom.cellOptions', value: { type: 'color-text' } },
  ],
  onBackground: (): DynamicConfigValue => ({
    id: 'custom.cellOptions',
    value: { type: 'color-background', mode: 'basic' },
  }),
  hidden: (): DynamicConfigValue => ({ id: 'custom.hidden', value: true }),
  wrapped: (): DynamicConfigValue => ({ id: 'custom.cellOptions', value: { type: 'auto', wrapText: true } }),
  linked: (title: string, url: string): DynamicConfigValue => ({
    id: 'links',
    value: [{ title, url, targetBlank: false }],
  }),
};
