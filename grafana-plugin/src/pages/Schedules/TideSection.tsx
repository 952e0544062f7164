import React, { useMemo, useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import { TideChart } from '../../components/TideChart/TideChart.tsx';
import { useNow } from '../../components/useNow.ts';
import type { AskedTide } from '../../panels/schedule/ask-tide.ts';
import { noticesOf } from '../../panels/schedule/notices.ts';
import { readTide } from '../../timeline/tide.ts';
import type { TimeRange } from '../../timeline/time-scale.ts';
import { useWords } from '../../words/useWords.ts';

interface Props {
  readonly asked: AskedTide;
  /** How far it looks back, and ahead. */
  readonly hours: number;
  readonly onHoursChange: (hours: number) => void;
}

const laneHeight = 28;
const aroundLanes = 250;
const mostLanes = 8;

/** The tide chart around now; a part of it that is chosen is shown alone. */
export function TideSection({ asked, hours, onHoursChange }: Props): React.JSX.Element {
  const words = useWords();
  const { text } = words;
  const styles = useStyles2(getStyles);
  const now = useNow(30_000);
  const [zoomed, setZoomed] = useState<TimeRange>();
  const tide = useMemo(() => readTide(asked), [asked]);
  const around = { from: now - hours * 3_600_000, until: now + hours * 3_600_000 };
  const height = aroundLanes + Math.min(mostLanes, tide.lanes.length) * laneHeight;
  return (
    <section aria-label={text('tide.title')} className={styles.box}>
      <div className={styles.ranges}>
        {asked.isOfSeveral && <span className={styles.loads}>{text('tide.loads')}</span>}
        {zoomed !== undefined && (
          <Button size="sm" variant="secondary" icon="search-minus" onClick={() => setZoomed(undefined)}>
            {text('schedules.whole')}
          </Button>
        )}
        <RadioButtonGroup<number>
          size="sm"
          aria-label={text('schedules.range')}
          options={[
            { value: 24, label: '± 24 h' },
            { value: 48, label: '± 48 h' },
            { value: 168, label: text('schedules.week') },
          ]}
          value={hours}
          onChange={(chosen) => {
            setZoomed(undefined);
            onHoursChange(chosen);
          }}
        />
      </div>
      <div style={{ height }}>
        <TideChart
          tide={tide}
          range={zoomed ?? around}
          now={now}
          words={words}
          resource="all"
          laneSize="normal"
          view="chart"
          isLegendShown
          onRangeChange={setZoomed}
          notices={noticesOf(asked, words)}
        />
      </div>
    </section>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  box: css({
    padding: theme.spacing(1.5, 2, 2),
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
  }),
  loads: css({ flex: '1 1 200px', color: theme.colors.text.secondary, ...theme.typography.bodySmall }),
  ranges: css({
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    justifyContent: 'flex-end',
    gap: theme.spacing(1),
    marginBottom: theme.spacing(1),
  }),
});
