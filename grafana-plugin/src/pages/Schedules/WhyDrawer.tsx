import React from 'react';
import { Alert, Stack, Text } from '@grafana/ui';
import type { Schedule, Slot } from '../../api/answers.ts';
import { DetailsDrawer } from '../../components/DetailsDrawer.tsx';
import { Facts } from '../../components/Facts.tsx';
import { named } from '../../hosts/hosts.ts';
import { useWords, type Words } from '../../words/useWords.ts';

interface Props {
  readonly schedule: Schedule;
  /** The next that is planned; undefined: nothing is within a week. */
  readonly slot: Slot | undefined;
  readonly onClose: () => void;
}

/** Why a backup starts when it starts: the reason, what was expected there, and what speaks against the other places. */
export function WhyDrawer({ schedule, slot, onClose }: Props): React.JSX.Element {
  const words = useWords();
  const { say, text } = words;
  const title = say({ key: 'why.title', values: { schedule: named(schedule.id, schedule.host) } });
  return (
    <DetailsDrawer title={title} onClose={onClose}>
      {slot === undefined ? (
        <Alert severity="info" title={text(schedule.paused ? 'why.paused' : 'why.none')} />
      ) : (
        <Why slot={slot} schedule={schedule} words={words} />
      )}
    </DetailsDrawer>
  );
}

interface WhyProps {
  readonly slot: Slot;
  readonly schedule: Schedule;
  readonly words: Words;
}

function Why({ slot, schedule, words }: WhyProps): React.JSX.Element {
  const { text, format } = words;
  const { start, end, window, deadline, reason, forecast, best, alternatives } = slot;
  const at = (moment: string): string => format.moment(Date.parse(moment));
  const hasWindow = window.start !== window.end;
  return (
    <Stack direction="column" gap={3}>
      <Text element="p">{reason.text}</Text>
      <Facts
        facts={[
          [text('why.start'), `${at(start)} – ${format.time(Date.parse(end))}`],
          [text('why.forecast'), loadOf(forecast, words)],
          [text('why.window'), hasWindow ? `${at(window.start)} – ${at(window.end)}` : text('why.anyTime')],
          [text('why.deadline'), at(deadline)],
          [text('why.best'), best && `${at(best.start)} (${loadOf(best.forecast, words)})`],
          [text('why.waits'), schedule.deferral?.text],
        ]}
      />
      {alternatives.length > 0 && (
        <section aria-label={text('why.alternatives')}>
          <Text element="h3" variant="h5">
            {text('why.alternatives')}
          </Text>
          <Facts
            facts={alternatives.map((other) => [
              at(other.start),
              [loadOf(other.forecast, words), other.whyNot?.text]
                .filter((part) => part !== undefined && part !== '')
                .join(': '),
            ])}
          />
        </section>
      )}
    </Stack>
  );
}

/** `CPU 18%, memory 40%` */
function loadOf(load: Slot['forecast'], { text, format }: Words): string {
  if (load === undefined) return text('why.unknown');
  const { cpu, memory, disk } = load;
  const parts = [
    cpu !== undefined && `${text('load.cpu')} ${format.percent(cpu)}`,
    memory !== undefined && `${text('load.memory')} ${format.percent(memory)}`,
    disk !== undefined && `${text('load.disk')} ${format.percent(disk)}`,
  ];
  return parts.filter((part) => part !== false).join(', ');
}
