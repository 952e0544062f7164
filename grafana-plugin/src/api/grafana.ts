import { getBackendSrv, isFetchError, type BackendSrvRequest } from '@grafana/runtime';
import { lastValueFrom } from 'rxjs';
import { pluginId } from '../constants.ts';
import { exporterOver, type Exporter, type ExporterRequest } from './client.ts';
import { failureOf, foreignAnswer, RequestError } from './failure.ts';

/** The exporter behind Grafana's proxy, which adds the token: browsers never get to see it. */
export const exporter: Exporter = exporterOver(async (request) => {
  const answer = await lastValueFrom(getBackendSrv().fetch<unknown>(fetchOptions(request))).catch(
    (error: unknown) => {
      throw new RequestError(failureOf(isFetchError(error) ? error : {}));
    },
  );
  // As when the address is that of some other server: Grafana hands on its pages as text.
  if (typeof answer.data !== 'object' || answer.data === null) {
    throw new RequestError(foreignAnswer(answer.status));
  }
  return answer.data;
});

function fetchOptions({
  method,
  path,
  query,
  body,
  key,
  asAdmin = false,
}: ExporterRequest): BackendSrvRequest {
  return {
    method,
    // Without a leading slash, for a Grafana that is served below a path.
    url: `api/plugin-proxy/${pluginId}/${asAdmin ? 'admin/' : ''}api/v1/${path}`,
    ...(query !== undefined && { params: query }),
    ...(method === 'POST' && { data: body ?? {} }),
    ...(key !== undefined && { headers: { 'Idempotency-Key': key } }),
    // Every page says in its own words what went wrong.
    showErrorAlert: false,
    showSuccessAlert: false,
    // Grafana would send it a second time.
    retry: 1,
  };
}
