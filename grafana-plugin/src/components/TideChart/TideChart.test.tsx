import { fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { tideRange } from '../../timeline/time-scale.ts';
import { readTide } from '../../timeline/tide.ts';
import { loadOfDays, now, runOf, scheduleOf, slotOf, tideOf } from '../../timeline/tide.testdata.ts';
import { hourMs } from '../../timeline/zone.ts';
import { useWords } from '../../words/useWords.ts';
import { TideChart, type TideChartProps } from './TideChart.tsx';

const at = (hours: number): number => now + hours * hourMs;
const tide = readTide({
  schedules: [
    scheduleOf('db-prod', { priority: 'critical' }),
    scheduleOf('archive', { priority: 'low', paused: true }),
  ],
  runs: [runOf('db-prod', at(-12)), runOf('archive', at(-11), { status: 'failed' })],
  plan: {
    slots: [slotOf('db-prod', at(12)), slotOf('db-prod', at(36))],
  },
  load: loadOfDays(),
});

function Chart(props: Partial<TideChartProps>): React.JSX.Element {
  const words = useWords('Europe/Madrid');
  return (
    <TideChart
      tide={tide}
      range={tideRange(now)}
      now={now}
      words={words}
      resource="cpu"
      laneSize="normal"
      view="chart"
      isLegendShown
      {...props}
    />
  );
}

beforeAll(() => {
  // jsdom lays nothing out.
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1100);
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(400);
  const context = { measureText: (text: string) => ({ width: 6 * text.length }) };
  HTMLCanvasElement.prototype.getContext = () => context as never;
});

const lanes = (): HTMLElement => screen.getByRole('application', { name: 'Tide chart' });
const press = (key: string, more: object = {}): boolean => fireEvent.keyDown(lanes(), { key, ...more });
const heard = (): string => screen.getByRole('status').textContent;

describe('the tide chart', () => {
  it('names every schedule, the weightiest first, and says what is paused', () => {
    render(<Chart />);
    expect(lanes().textContent).toMatch(/^db-prod.*archive/);
    expect(within(lanes()).getByText('paused')).toBeTruthy();
  });

  it('shows when each backup is to start, without the need to point at it', () => {
    const { container } = render(<Chart />);
    const labels = [...container.querySelectorAll('[data-event^="planned/db-prod"] text')];
    expect(labels.map(({ textContent }) => textContent)).toEqual(['01:00', '02:00']);
  });

  it('has all shapes of the load that was chosen, and of all', () => {
    const { container, rerender } = render(<Chart resource="memory" />);
    const shown = (): (string | null)[] =>
      [...container.querySelectorAll('[data-resource]')].map((group) => group.getAttribute('data-resource'));
    expect(shown()).toEqual(['memory']);
    const paths = [...container.querySelectorAll('[data-resource] path')].map((path) =>
      path.getAttribute('d'),
    );
    expect(paths).toHaveLength(4);
    for (const path of paths) expect(path).toMatch(/^M[\d.-]+,/);
    rerender(<Chart resource="all" />);
    expect(shown()).toEqual(['cpu', 'memory', 'disk']);
  });

  it('draws only the lanes in sight, and a few around them', () => {
    const { container } = render(<Chart tide={tideOf(500)} />);
    const marks = [...container.querySelectorAll('[data-event^="planned/"]')];
    const drawn = new Set(marks.map((mark) => mark.getAttribute('data-event')?.split('/')[1]));
    expect(drawn.size).toBeGreaterThan(10);
    expect(drawn.size).toBeLessThan(60);
  });

  it('says what is under the pointer, and why it lies there', () => {
    const { container } = render(<Chart />);
    const block = container.querySelector('[data-event^="planned/db-prod"] rect')!;
    const root = lanes().parentElement!;
    const top = Number.parseFloat(lanes().style.top);
    const gutter = 1100 - 12 - Number(block.closest('svg')!.getAttribute('width'));
    fireEvent.pointerMove(root, {
      clientX: gutter + Number(block.getAttribute('x')) + 1,
      clientY: top + Number(block.getAttribute('y')) + 1,
    });
    expect(screen.getByText('Sun, Mar 29, 01:00 to 01:45, 45 min')).toBeTruthy();
    expect(screen.getByText('The quietest time of its window')).toBeTruthy();
    fireEvent.pointerLeave(root);
    expect(screen.queryByText('The quietest time of its window')).toBeNull();
  });
});

describe('by the keyboard', () => {
  it('goes from backup to backup and is told what each is', () => {
    render(<Chart />);
    press('ArrowRight');
    expect(heard()).toMatch(/^db-prod\. completed\. Sat, Mar 28, 01:00/);
    press('ArrowRight');
    expect(heard()).toMatch(/^db-prod\. planned\. Sun, Mar 29, 01:00.*The quietest time of its window/);
    press('ArrowDown');
    expect(heard()).toMatch(/^archive\. failed\./);
    press('Escape');
    expect(heard()).toBe('');
  });

  it('opens a backup, zooms around it, and moves the time', () => {
    const onSelect = vi.fn();
    const onRangeChange = vi.fn();
    render(<Chart onSelect={onSelect} onRangeChange={onRangeChange} />);
    press('ArrowRight');
    press('Enter');
    expect(onSelect).toHaveBeenCalledWith(tide.lanes[0]?.events[0]);
    press('+');
    expect(onRangeChange).toHaveBeenLastCalledWith({ from: at(-12 - 24), until: at(-12 + 40) });
    press('ArrowRight', { shiftKey: true });
    expect(onRangeChange).toHaveBeenLastCalledWith({ from: at(-24), until: at(72) });
    expect(heard()).toMatch(/^db-prod\. completed/);
  });

  it('leaves the keys alone that are not its own', () => {
    render(<Chart />);
    expect(press('Tab')).toBe(true);
    expect(press('ArrowRight', { ctrlKey: true })).toBe(true);
    expect(press('Escape')).toBe(true);
    expect(press('ArrowRight')).toBe(false);
  });
});

describe('choosing a time by dragging', () => {
  it('gives the stretch that was dragged over, whichever way, and takes a shaky click for a click', () => {
    const onRangeChange = vi.fn();
    const onSelect = vi.fn();
    const { container } = render(<Chart onRangeChange={onRangeChange} onSelect={onSelect} />);
    const width = Number(container.querySelector('[data-event]')!.closest('svg')!.getAttribute('width'));
    const gutter = 1100 - 12 - width;
    const root = lanes().parentElement!;
    const drag = (from: number, to: number): void => {
      fireEvent.pointerDown(root, { button: 0, clientX: gutter + from, clientY: 10 });
      fireEvent.pointerMove(root, { clientX: gutter + to, clientY: 10 });
      fireEvent.pointerUp(root, { button: 0, clientX: gutter + to, clientY: 10 });
    };
    drag(width / 4, 0);
    expect(onRangeChange).toHaveBeenLastCalledWith({ from: at(-48), until: at(-24) });
    drag(100, 103);
    expect(onRangeChange).toHaveBeenCalledTimes(1);
  });
});

describe('the table', () => {
  it('has the same backups by time, with all that is told of them', () => {
    render(<Chart />);
    fireEvent.click(screen.getByRole('radio', { name: 'Table' }));
    const [, ...rows] = screen.getAllByRole('row').map((row) => row.textContent);
    expect(rows.map((text) => /db-prod|archive/.exec(text)?.[0])).toEqual([
      'db-prod',
      'archive',
      'db-prod',
      'db-prod',
    ]);
    expect(rows[2]).toMatch(
      /Sun, Mar 29, 01:00 to 01:45.*critical.*planned.*The quietest time of its window/,
    );
    expect(screen.queryByRole('application')).toBeNull();
  });

  it('has pages, and opens the one of the present', () => {
    render(<Chart tide={tideOf(100)} view="table" />);
    expect(screen.getAllByRole('row')).toHaveLength(51);
    expect(screen.getByText('400')).toBeTruthy();
    expect(screen.getByRole('button', { name: '5' }).getAttribute('aria-current') ?? 'page').toBe('page');
    const days = screen.getAllByRole('row').map((row) => /\w+ \d+(?=, \d\d:)/.exec(row.textContent)?.[0]);
    expect(days.filter((day) => day !== undefined).every((day) => day === 'Mar 28')).toBe(true);
  });
});
