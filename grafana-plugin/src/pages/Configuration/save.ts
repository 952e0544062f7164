import { getBackendSrv } from '@grafana/runtime';
import { lastValueFrom } from 'rxjs';
import { pluginId } from '../../constants.ts';

interface NewSettings {
  readonly pinned: boolean;
  readonly exporterUrl: string;
  /** '' leaves the one that is saved. */
  readonly token: string;
}

/** Saves the settings of this organisation, and turns the app on: without that its proxy knows nothing of it. */
export async function saveSettings({ pinned, exporterUrl, token }: NewSettings): Promise<void> {
  await lastValueFrom(
    getBackendSrv().fetch({
      method: 'POST',
      url: `api/plugins/${pluginId}/settings`,
      data: {
        enabled: true,
        pinned,
        jsonData: { exporterUrl },
        ...(token !== '' && { secureJsonData: { token } }),
      },
      showErrorAlert: false,
    }),
  );
}
