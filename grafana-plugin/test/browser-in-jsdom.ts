import { afterEach } from 'vitest';
import { cleanup } from '@testing-library/react';

/** What browsers have and jsdom lacks, and what Grafana has set up before it loads a plugin. */
const nothing = (): undefined => undefined;
class NothingSeen {
  observe = nothing;
  unobserve = nothing;
  disconnect = nothing;
  takeRecords = (): [] => [];
}

Object.assign(globalThis, {
  ResizeObserver: NothingSeen,
  IntersectionObserver: NothingSeen,
  matchMedia: (media: string) => ({
    media,
    matches: false,
    addEventListener: nothing,
    removeEventListener: nothing,
    addListener: nothing,
    removeListener: nothing,
  }),
  // uPlot asks for it when it is loaded.
  devicePixelRatio: 1,
});
HTMLCanvasElement.prototype.getContext = () => null;
HTMLElement.prototype.scrollIntoView = nothing;

Object.assign(window, {
  grafanaBootData: {
    user: { orgRole: 'Admin', timezone: 'utc', language: 'en-US', isSignedIn: true, permissions: {} },
    settings: { buildInfo: { version: '13.2.2', env: 'test' }, featureToggles: {}, apps: {}, panels: {} },
    navTree: [],
  },
});

afterEach(cleanup);
