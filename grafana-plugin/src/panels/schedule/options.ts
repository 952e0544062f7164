import type { TideView } from '../../components/TideChart/TideChart.tsx';
import type { LaneSize } from '../../components/TideChart/tide-sizes.ts';
import type { Resource } from '../../timeline/load-series.ts';

/** What a dashboard keeps of the panel. */
export interface ScheduleOptions {
  /** Names, separated by commas; `*` stands for anything. Variables of the dashboard are filled in. Empty: all. */
  readonly schedules: string;
  /** Names, separated by commas; `*` stands for all of them. Empty: the host of the exporter that answers. */
  readonly hosts: string;
  readonly resource: Resource | 'all';
  readonly view: TideView;
  readonly laneSize: LaneSize;
  readonly isLegendShown: boolean;
  /** How far beyond the dashboard's time the chart goes on, where that ends now. */
  readonly comingHours: number;
}

export const defaultOptions: ScheduleOptions = {
  schedules: '',
  hosts: '',
  resource: 'cpu',
  view: 'chart',
  laneSize: 'normal',
  isLegendShown: true,
  comingHours: 48,
};
