/** `0.125` → `13 %`: for people, a share of the host or the difference of two. What is rounded away has no sign. */
export function formatPercent(share: number, digits = 0): string {
  return `${percentOf(share, digits)} %`;
}

/** `0.125` → `12.5 points`: a difference of shares. */
export function formatPoints(difference: number): string {
  return `${percentOf(difference, 1)} points`;
}

function percentOf(share: number, digits: number): string {
  return (100 * share).toFixed(digits).replace(/^-(?=[0.]+$)/, '');
}
