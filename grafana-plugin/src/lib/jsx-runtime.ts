import React from 'react';

/**
 * `react/jsx-runtime` for dependencies that were compiled for it, made of what every React has. Grafana before 11.6 does not
 * share that module, and the one of another React makes elements that its own refuses.
 */
export const Fragment = React.Fragment;

type Props = { readonly children?: React.ReactNode } & Readonly<Record<string, unknown>>;

export function jsx(type: React.ElementType, props: Props, key?: React.Key): React.ReactElement {
  return React.createElement(type, key === undefined ? props : { ...props, key });
}

/** Its children are a list that never changes order: given one by one, they need no keys. */
export function jsxs(type: React.ElementType, props: Props, key?: React.Key): React.ReactElement {
  const { children, ...rest } = props;
  const list = Array.isArray(children) ? (children as React.ReactNode[]) : [children];
  return React.createElement(type, key === undefined ? rest : { ...rest, key }, ...list);
}

export function jsxDEV(type: React.ElementType, props: Props, key?: React.Key): React.ReactElement {
  return jsx(type, props, key);
}
