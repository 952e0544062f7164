import { useCallback, useLayoutEffect, useState } from 'react';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How large an element is, from its first paint on. The size is undefined until it has any. */
export function useSize(): readonly [ref: (element: HTMLElement | null) => void, size: Size | undefined] {
  const [element, setElement] = useState<HTMLElement | null>(null);
  const [size, setSize] = useState<Size>();
  useLayoutEffect(() => {
    if (element === null) return undefined;
    const look = (): void => {
      const { clientWidth: width, clientHeight: height } = element;
      setSize((known) => {
        if (width === 0 || height === 0) return undefined;
        return known?.width === width && known.height === height ? known : { width, height };
      });
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return [useCallback((next: HTMLElement | null) => setElement(next), []), size];
}
