/** Grafana's router of the fifth version: what is used of it. */
declare module 'react-router-dom' {
  import type { ComponentType, ReactNode } from 'react';
  export const Router: ComponentType<{ readonly history: unknown; readonly children: ReactNode }>;
  export const Switch: ComponentType<{ readonly children: ReactNode }>;
}
