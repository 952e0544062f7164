import { passphrasePath } from '../config/init.ts';
import { databaseName, documentsName } from './example-data.ts';

/** Short intervals, so that a newcomer sees it live. */
export const quickstartConfig = `# The example of "npm start". Your own config is made by "lowtide init".
instance: quickstart
state: ./data/state
encryption:
  keystore: ./data/keys
  passphrase: "\${file:${passphrasePath}}"
stores:
  local: { type: directory, path: ./data/backups }
schedules:
  - id: shop
    source: { type: sqlite, path: ./${databaseName} }
    every: 1m
    priority: high
    max_delay: 10s
    estimated_duration: 10s
    stores: [local]
    keep: { last: 5, hourly: 24 }
  - id: documents
    source: { type: directory, path: ./${documentsName} }
    every: 2m
    max_delay: 10s
    estimated_duration: 10s
    stores: [local]
    keep: { last: 5, hourly: 24 }
`;
