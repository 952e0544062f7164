import type { GrafanaTheme2 } from '@grafana/data';
import { Portal, useStyles2, VizTooltipContainer } from '@grafana/ui';
import { css } from '@emotion/css';
import React from 'react';
import type { EpochMs } from '../../format/format.ts';
import { loadAt } from '../../timeline/load-at.ts';
import type { Hit } from '../../timeline/pointing.ts';
import { tell } from '../../timeline/telling.ts';
import type { Lane, Tide, TideEvent } from '../../timeline/tide.ts';
import type { Words } from '../../words/useWords.ts';
import { EventDetails } from './EventDetails.tsx';
import { colorOf, type TideColors } from './tide-colors.ts';
import type { Point } from './useTidePointer.ts';

export interface TideTooltipProps {
  /** What is under the pointer, and where that is on the screen. */
  readonly hit: Hit | undefined;
  readonly pointed: Point | undefined;
  readonly focused: TideEvent | undefined;
  readonly anchorOf: (key: string) => Point | undefined;
  readonly tide: Tide;
  readonly words: Words;
  readonly now: EpochMs;
  readonly colors: TideColors;
}

/** At the pointer, or else at what has the focus. */
export function TideTooltip(props: TideTooltipProps): React.ReactElement | null {
  const { hit, pointed, focused, anchorOf, tide, words, now, colors } = props;
  const styles = useStyles2(getStyles);
  const position = pointed ?? (focused === undefined ? undefined : anchorOf(focused.key));
  if (position === undefined) return null;
  const event = hit?.mark?.event ?? focused;
  const lane =
    hit?.lane?.lane ?? tide.lanes.find(({ events }) => event !== undefined && events.includes(event));
  return (
    <Portal>
      <VizTooltipContainer position={position} offset={{ x: 12, y: 12 }}>
        <div className={styles.tooltip}>
          {hit !== undefined && <LoadThere tide={tide} at={hit.at} words={words} now={now} />}
          {event !== undefined && lane !== undefined ? (
            <EventDetails
              telling={tell(event, words, now)}
              color={colorOf(event, lane.priority, colors)}
              words={words}
            />
          ) : (
            lane !== undefined && <LaneDetails lane={lane} words={words} />
          )}
        </div>
      </VizTooltipContainer>
    </Portal>
  );
}

/** The moment under the pointer, and how busy the host was or will be. */
function LoadThere(props: {
  readonly tide: Tide;
  readonly at: EpochMs;
  readonly words: Words;
  readonly now: EpochMs;
}): React.ReactElement {
  const { tide, at, words, now } = props;
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.moment}>
      <span>{words.format.moment(at)}</span>
      {tide.load.map((load) => (
        <span key={load.resource}>
          {words.say({ key: `tide.resource.${load.resource}` })} {loadAt(load, at, now, words)}
        </span>
      ))}
    </div>
  );
}

function LaneDetails({
  lane,
  words: { say },
}: {
  readonly lane: Lane;
  readonly words: Words;
}): React.ReactElement {
  const styles = useStyles2(getStyles);
  const { name, priority, isPaused, window } = lane;
  const clock = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
  return (
    <div>
      <strong>{name}</strong>{' '}
      <span className={styles.faint}>{say({ key: `tide.priority.${priority}` })}</span>
      {isPaused && <div>{say({ key: 'tide.paused' })}</div>}
      <div className={styles.faint}>
        {window === undefined
          ? say({ key: 'tide.noWindow' })
          : say({
              key: 'tide.windowDaily',
              values: {
                start: clock(window.startMinute),
                end: clock(window.endMinute),
                timezone: window.timezone,
              },
            })}
      </div>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  tooltip: css({
    maxWidth: 380,
    padding: theme.spacing(1),
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.75),
    fontSize: theme.typography.bodySmall.fontSize,
    lineHeight: theme.typography.bodySmall.lineHeight,
  }),
  moment: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(0, 1.5),
    color: theme.colors.text.secondary,
  }),
  faint: css({ color: theme.colors.text.secondary }),
});
