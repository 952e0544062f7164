import { useCallback } from 'react';
import { config } from '@grafana/runtime';
import type { Status } from 'lowtide/api';
import { useWords } from '../words/useWords.ts';
import { objectionToOperation, type GrafanaRole, type Operation } from './permission.ts';

/** Why an operation is not to be had, in words; undefined where it may be done. */
export type Objection = (operation: Operation) => string | undefined;

export function useObjection(status: Pick<Status, 'caller'> | undefined): Objection {
  const { say } = useWords();
  return useCallback(
    (operation) => {
      const objection = objectionToOperation(operation, { grafanaRole: grafanaRole(), status });
      return objection && say(objection);
    },
    [say, status],
  );
}

export function grafanaRole(): GrafanaRole | '' {
  const orgRole: string = config.bootData.user.orgRole;
  return orgRole === 'Viewer' || orgRole === 'Editor' || orgRole === 'Admin' ? orgRole : '';
}
