/** What the pages say, and what they say of requests that failed. */
export const app = {
  'failure.noSession': 'Grafana does not answer.',
  'failure.signedOut': 'You are signed out of Grafana. Sign in again.',
  'failure.grafanaRole': 'Grafana does not let you do this: it takes a higher role.',
  'failure.off': 'Grafana does not know the app: it is not enabled in this organisation.',
  'failure.address': 'Grafana cannot send requests to Lowtide: its address is not set, or is none.',
  'failure.unreachable': 'Lowtide cannot be reached.',
  'failure.timeout': 'Lowtide did not answer in time.',
  'failure.token': 'Lowtide does not take the token that Grafana sends: {{detail}}.',
  'failure.refused': 'Lowtide does not allow this: {{detail}}.',
  'failure.foreign': 'What answers at that address is not Lowtide, or one that is too old.',
  'failure.status': 'The answer was an error with the status {{status}}.',
  'failure.said': '{{detail}}',
} as const;
