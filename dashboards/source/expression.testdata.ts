import { parser } from '@prometheus-io/lezer-promql';

/** PromQL as Prometheus' own grammar sees it. */

export interface Selector {
  readonly name: string;
  readonly text: string;
  /** Functions around it, the innermost first, as `increase` in `sum(increase(x[1h]))`. */
  readonly calls: readonly string[];
  /** As written between the brackets; absent where no range is asked for. */
  readonly range?: string;
}

/** Grafana fills these in before Prometheus sees them. */
const filledIn: Readonly<Record<string, string>> = {
  $__rate_interval: '5m',
  $__interval: '1h',
  $__range: '7d',
};

function fillIn(expression: string, values: Readonly<Record<string, string>> = filledIn): string {
  return Object.entries(values).reduce((text, [name, value]) => text.replaceAll(name, value), expression);
}

/** What is wrong with an expression; undefined where nothing is. */
export function syntaxError(expression: string): string | undefined {
  const text = fillIn(expression);
  let wrong: string | undefined;
  parser.parse(text).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) wrong ??= `at ${from}: ${text.slice(from, to + 30)}`;
    },
  });
  return wrong;
}

export function selectorsOf(expression: string): readonly Selector[] {
  const found: Selector[] = [];
  const text = fillIn(expression);
  const calls: string[] = [];
  const ranges: string[] = [];
  parser.parse(text).iterate({
    enter({ name, from, to, node }) {
      if (name === 'FunctionCall' || name === 'AggregateExpr') {
        const called = node.firstChild;
        calls.unshift(called === null ? '' : text.slice(called.from, called.to));
      }
      if (name === 'MatrixSelector') ranges.unshift(/\[([^\]]*)\]$/.exec(text.slice(from, to))?.[1] ?? '');
      if (name !== 'VectorSelector') return;
      const selector = text.slice(from, to);
      const [range] = ranges;
      found.push({
        name: selector.split('{')[0] ?? '',
        text: selector,
        calls: [...calls],
        ...(range !== undefined && { range }),
      });
    },
    leave({ name }) {
      if (name === 'FunctionCall' || name === 'AggregateExpr') calls.shift();
      if (name === 'MatrixSelector') ranges.shift();
    },
  });
  return found;
}
