import fc from 'fast-check';
import { Counter, Gauge, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { canonicalNumber, readFamilies, renderPage, type Family } from './exposition.ts';

const gauge = (labels: Family['samples'][number]['labels'], value: number): Family => ({
  name: 'g',
  help: 'h',
  type: 'gauge',
  samples: [{ name: 'g', labels, value }],
});
const sampleLine = (family: Family, format: 'text' | 'openmetrics' = 'text'): string | undefined =>
  renderPage([family], format)
    .text.split('\n')
    .find((line) => !line.startsWith('#') && line !== '');

describe('a sample on the page', () => {
  it.each([
    [0, 'g 0'],
    [-1.5, 'g -1.5'],
    [Infinity, 'g +Inf'],
    [-Infinity, 'g -Inf'],
    [2 ** 60, 'g 1152921504606847000'],
    [1e21, 'g 1e+21'],
    [NaN, undefined],
  ])('of value %d is %s', (value, line) => {
    expect(sampleLine(gauge({}, value))).toBe(line);
    expect(sampleLine(gauge({}, value), 'openmetrics')).toBe(line);
  });

  it.each([
    ['plain', 'plain'],
    ['C:\\backups', 'C:\\\\backups'],
    ['two\nlines', 'two\\nlines'],
    ['"quoted"', '\\"quoted\\"'],
    ['Überblick', 'Überblick'],
    ['', ''],
  ])('has the label value %j written as %j', (value, written) => {
    expect(sampleLine(gauge({ schedule: value }, 1))).toBe(`g{schedule="${written}"} 1`);
  });

  it('leaves out labels without a value, and braces without labels', () => {
    expect(sampleLine(gauge({ a: undefined, b: 'x' }, 1))).toBe('g{b="x"} 1');
    expect(sampleLine(gauge({ a: undefined }, 1))).toBe('g 1');
  });

  it('can be read back whatever its label values are', () => {
    const unescaped: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\"': '"' };
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (one, other) => {
        const line = sampleLine(gauge({ one, other }, 1)) ?? '';
        const values = [...line.matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map((match) =>
          (match[1] ?? '').replace(/\\./g, (pair) => unescaped[pair] ?? pair),
        );
        expect(values).toEqual([one, other]);
      }),
    );
  });
});

describe('a page', () => {
  it('names a counter without _total in the metadata of OpenMetrics alone, and ends there with # EOF', () => {
    const counter = { ...gauge({}, 1), name: 'c_total', type: 'counter', help: 'Say "hi" \\ bye.' };
    const families = [{ ...counter, samples: [{ name: 'c_total', labels: {}, value: 1 }] }];
    expect(renderPage(families, 'text')).toEqual({
      text: '# HELP c_total Say "hi" \\\\ bye.\n# TYPE c_total counter\nc_total 1\n',
      series: 1,
    });
    expect(renderPage(families, 'openmetrics').text).toBe(
      '# HELP c Say \\"hi\\" \\\\ bye.\n# TYPE c counter\nc_total 1\n# EOF\n',
    );
  });

  it('goes on without a metric that cannot be read, and tells which', async () => {
    const registry = new Registry();
    const collect = (): never => {
      throw new Error('broken');
    };
    new Gauge({ name: 'bad', help: 'h', registers: [registry], collect });
    new Counter({ name: 'good_total', help: 'h', registers: [registry] });
    const told: string[] = [];
    const families = await readFamilies(registry, (metric) => told.push(metric));
    expect(families.map((family) => family.name)).toEqual(['good_total']);
    expect(told).toEqual(['bad']);
  });
});

describe('a bucket bound in OpenMetrics', () => {
  it.each([
    [0, '0.0'],
    [1, '1.0'],
    [2.5, '2.5'],
    [0.001, '0.001'],
    [0.0001, '0.0001'],
    [0.000025, '2.5e-05'],
    [43_200, '43200.0'],
    [999_999, '999999.0'],
    [1e6, '1e+06'],
    [1_048_576, '1.048576e+06'],
    [10 * 2 ** 40, '1.099511627776e+13'],
    [1e100, '1e+100'],
    [Infinity, '+Inf'],
  ])('%d is written as Go would: %s', (value, written) => {
    expect(canonicalNumber(value)).toBe(written);
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: 0, noDefaultInfinity: true }), (value) => {
        expect(Number(canonicalNumber(value))).toBe(value);
      }),
    );
  });
});
