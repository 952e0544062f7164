import { describe, expect, it } from 'vitest';
import { negotiateFormat } from './negotiate.ts';

describe('the format of the metrics page', () => {
  it.each([
    ['no header', undefined, 'text'],
    ['an empty header', '', 'text'],
    ['curl', '*/*', 'text'],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
    [
      'Prometheus 2.42',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'Prometheus 3',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'Prometheus with protobuf first',
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4',
      'text',
    ],
    ['OpenMetrics of any version', 'application/openmetrics-text', 'openmetrics'],
    ['only an older OpenMetrics', 'application/openmetrics-text;version=0.0.1', 'text'],
    ['OpenMetrics refused', 'application/openmetrics-text;q=0, text/plain', 'text'],
    ['equal wishes: the first', 'text/plain, application/openmetrics-text', 'text'],
    [
      'capitals, blanks and quotes',
      'Application/OpenMetrics-Text ; Version="1.0.0" ; Q=0.9 , text/plain;q=0.1',
      'openmetrics',
    ],
    ['something else alone', 'application/json', 'text'],
    ['a quality that is no number', 'application/openmetrics-text;q=much,text/plain;q=0.1', 'text'],
    ['rubbish', ';;;,,=;q=', 'text'],
  ])('%s', (_, accept, format) => {
    expect(negotiateFormat(accept)).toBe(format);
  });
});
