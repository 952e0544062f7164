import { useCallback } from 'react';
import { config } from '@grafana/runtime';
import type { Host, Status } from 'lowtide/api';
import { useWords } from '../words/useWords.ts';
import { objectionOfHost, objectionToOperation, type GrafanaRole, type Operation } from './permission.ts';

/** Why an operation is not to be had, on a host where there are several, in words; undefined where it may be done. */
export type Objection = (operation: Operation, host?: string) => string | undefined;

/** `hosts`: all of them, where there are several. */
export function useObjection(
  status: Pick<Status, 'caller'> | undefined,
  hosts: readonly Host[] = none,
): Objection {
  const { say } = useWords();
  return useCallback(
    (operation, host) => {
      const objection =
        objectionToOperation(operation, { grafanaRole: grafanaRole(), status }) ??
        objectionOfHost(
          operation,
          hosts.find(({ instance }) => instance === host),
        );
      return objection && say(objection);
    },
    [say, status, hosts],
  );
}

const none: readonly Host[] = [];

export function grafanaRole(): GrafanaRole | '' {
  const orgRole: string = config.bootData.user.orgRole;
  return orgRole === 'Viewer' || orgRole === 'Editor' || orgRole === 'Admin' ? orgRole : '';
}
