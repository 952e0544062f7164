import type { GrafanaTheme2 } from '@grafana/data';
import { Checkbox, Field, Input, RadioButtonGroup, Stack, useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React, { useId } from 'react';
import type { RotationWish } from '../../rotation/rotation.ts';
import type { Words } from '../../words/useWords.ts';

export interface WishFormProps {
  readonly wish: RotationWish;
  readonly isDisabled: boolean;
  readonly words: Words;
  readonly onChange: (wish: RotationWish) => void;
}

type Mode = NonNullable<RotationWish['mode']>;

const modes: readonly Mode[] = ['rotate', 'rewrap', 'reencrypt'];
const mebibyte = 1024 * 1024;

/** What is to be done: to which backups, how thoroughly, and how gently. */
export function WishForm({ wish, isDisabled, words, onChange }: WishFormProps): React.ReactElement {
  const { text } = words;
  const styles = useStyles2(getStyles);
  const [days, rate] = [useId(), useId()];
  const { mode = 'rewrap', daysBack, atLowTide = false, bytesPerSecond } = wish;
  return (
    <>
      <Field label={text('rotation.mode')} description={text(`rotation.mode.${mode}.meaning`)}>
        <RadioButtonGroup<Mode>
          value={mode}
          disabled={isDisabled}
          onChange={(next) => onChange(wishOf({ ...wish, mode: next }))}
          options={modes.map((value) => ({ value, label: text(`rotation.mode.${value}`) }))}
        />
      </Field>
      {mode !== 'rotate' && (
        <Stack direction="row" gap={2} wrap="wrap">
          <Field label={text('rotation.daysBack')} htmlFor={days}>
            <Input
              id={days}
              type="number"
              min={1}
              max={36_500}
              width={20}
              disabled={isDisabled}
              placeholder={text('rotation.daysBack.all')}
              value={daysBack ?? ''}
              onChange={({ currentTarget }) =>
                onChange(wishOf({ ...wish, daysBack: wholeNumber(currentTarget.value, 36_500) }))
              }
            />
          </Field>
          {mode === 'reencrypt' && (
            <Field label={text('rotation.rate')} htmlFor={rate}>
              <Input
                id={rate}
                type="number"
                min={1}
                width={20}
                disabled={isDisabled}
                placeholder={text('rotation.rate.none')}
                value={bytesPerSecond === undefined ? '' : bytesPerSecond / mebibyte}
                onChange={({ currentTarget }) => {
                  const mebibytes = wholeNumber(currentTarget.value, 1_000_000);
                  onChange(wishOf({ ...wish, bytesPerSecond: mebibytes && mebibytes * mebibyte }));
                }}
              />
            </Field>
          )}
          <div className={styles.gently}>
            <Checkbox
              label={text('rotation.gently')}
              value={atLowTide}
              disabled={isDisabled}
              onChange={({ currentTarget }) =>
                onChange(wishOf({ ...wish, atLowTide: currentTarget.checked }))
              }
            />
          </div>
        </Stack>
      )}
    </>
  );
}

type LooseWish = { readonly [K in keyof RotationWish]: RotationWish[K] | undefined };

/** Nothing is said of what the mode does not know. */
function wishOf({ mode = 'rewrap', daysBack, atLowTide, bytesPerSecond }: LooseWish): RotationWish {
  if (mode === 'rotate') return { mode };
  return {
    mode,
    ...(daysBack !== undefined && { daysBack }),
    ...(atLowTide === true && { atLowTide }),
    ...(mode === 'reencrypt' && bytesPerSecond !== undefined && { bytesPerSecond }),
  };
}

function wholeNumber(text: string, most: number): number | undefined {
  const number = Number.parseInt(text, 10);
  return number >= 1 ? Math.min(most, number) : undefined;
}

const getStyles = (theme: GrafanaTheme2) => ({
  // Beside the fields, not beside their labels.
  gently: css({ alignSelf: 'center', paddingTop: theme.spacing(1) }),
});
