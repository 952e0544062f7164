import type { Route } from './routes.ts';

/** How answers are held to their schemas. */
export interface AnswerCheck {
  /** True: an answer that does not fit is a 500, as tests want it. False: it is sent, and heard of. */
  readonly isStrict: boolean;
  readonly onMismatch: (route: string, problem: string) => void;
}

/** Throws where a strict check fails. */
export function checkAnswer(
  name: string,
  route: Route,
  answer: { readonly status: number; readonly body: unknown },
  check: AnswerCheck,
): void {
  const problem = mismatch(route, answer);
  if (problem === undefined) return;
  check.onMismatch(name, problem);
  if (check.isStrict) throw new TypeError(`the answer of ${name} is not as described: ${problem}`);
}

function mismatch(
  route: Route,
  { status, body }: { readonly status: number; readonly body: unknown },
): string | undefined {
  const described = route.answers[status];
  if (described === undefined) return `status ${status} is not described`;
  if (described.schema === undefined) return body === undefined ? undefined : 'there is content';
  const parsed = described.schema.safeParse(body);
  if (parsed.success) return undefined;
  // Paths and codes alone: values may be anything.
  return parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`).join('; ');
}
