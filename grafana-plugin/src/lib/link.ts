import { locationUtil } from '@grafana/data';

/** A path of Grafana as a link, also where it is served below a path. */
export function linkTo(path: string): string {
  return locationUtil.assureBaseUrl(path);
}
