import type { z } from 'zod';
import type { routes } from './routes.ts';

/** What a handler takes and gives, made of the table in routes.ts: the compiler holds each handler to its route. */
export type RouteName = keyof typeof routes;
/** The routes that answer with JSON. */
export type PlainRouteName = Exclude<RouteName, 'followEvents'>;

type Described<N extends RouteName> = (typeof routes)[N];
type QueryOf<N extends RouteName> =
  Described<N> extends { query: infer Q extends z.ZodType } ? z.output<Q> : undefined;
type BodyOf<N extends RouteName> =
  Described<N> extends { body: infer B extends z.ZodType } ? z.output<B> : undefined;
type Statuses<N extends RouteName> = keyof Described<N>['answers'];
type ContentOf<A> = A extends { schema: infer S extends z.ZodType } ? z.output<S> : undefined;

/** One of the statuses of the route, with what belongs to it. */
export type AnswerOf<N extends RouteName> = {
  [S in Statuses<N>]: { readonly status: S; readonly body: ContentOf<Described<N>['answers'][S]> };
}[Statuses<N>];

export interface Call<N extends RouteName> {
  /** Of the path; empty where it has none. */
  readonly id: string;
  readonly query: QueryOf<N>;
  readonly body: BodyOf<N>;
}

/** How work that was begun ends, for the audit log. */
export interface Ending {
  readonly result: 'done' | 'failed';
  readonly code?: string;
}

export type Handled<N extends RouteName> = AnswerOf<N> & {
  /** For the audit log: the id of what was begun, the name of a target. */
  readonly detail?: string;
  /** How work ended that the answer waited for. */
  readonly outcome?: Ending;
  /** Resolves when work that goes on behind the answer is over; never rejects. */
  readonly ending?: Promise<Ending>;
};

export type Handlers = {
  readonly [N in PlainRouteName]: (call: Call<N>) => Handled<N> | Promise<Handled<N>>;
};

/** Whether a handler may take as long as it likes. */
export function waits(query: unknown): boolean {
  return typeof query === 'object' && query !== null && 'wait' in query && query.wait === 'true';
}
