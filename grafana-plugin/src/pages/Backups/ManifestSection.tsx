import React, { useCallback } from 'react';
import { ClipboardButton, Stack, Text } from '@grafana/ui';
import type { Manifest } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { Facts } from '../../components/Facts.tsx';
import { useWords } from '../../words/useWords.ts';

/** A manifest changes with a rotation alone. */
const askEveryMs = 10 * 60_000;

interface Props {
  readonly id: string;
  readonly host: string | undefined;
}

/** What lies beside the backup in every store: its parts with their hashes, and all that it is sealed to. */
export function ManifestSection({ id, host }: Props): React.JSX.Element {
  const { text } = useWords();
  const ask = useCallback(() => exporter.manifest(id, host), [id, host]);
  const polled = usePolling(ask, askEveryMs);
  return (
    <section aria-label={text('backup.manifest')}>
      <Stack direction="column" gap={2}>
        <Text element="h3" variant="h5">
          {text('backup.manifest')}
        </Text>
        <Answered polled={polled}>{(manifest) => <Parts manifest={manifest} />}</Answered>
      </Stack>
    </section>
  );
}

function Parts({ manifest }: { readonly manifest: Manifest }): React.JSX.Element {
  const { text, format } = useWords();
  return (
    <>
      {manifest.parts.map((part) => (
        <Facts
          key={part.name}
          facts={[
            [text('part.file'), <code key="name">{part.name}</code>],
            [text('part.format'), part.format],
            [text('column.size'), format.size(part.sizeBytes)],
            [text('column.stored'), format.size(part.headerBytes + part.payloadBytes)],
            [text('part.compressedHash'), <code key="compressed">{part.compressedSha256}</code>],
            [text('part.payloadHash'), <code key="payload">{part.payloadSha256}</code>],
            [text('part.headerHash'), <code key="header">{part.headerSha256}</code>],
          ]}
        />
      ))}
      <Facts
        facts={[
          [
            text('part.recipients'),
            manifest.recipients.map((recipient) => (
              <div key={recipient}>
                <code>{recipient}</code>
              </div>
            )),
          ],
        ]}
      />
      <ClipboardButton
        icon="copy"
        variant="secondary"
        fill="text"
        getText={() => JSON.stringify(manifest, null, 2)}
      >
        {text('action.copyManifest')}
      </ClipboardButton>
    </>
  );
}
