import { css } from '@emotion/css';

/** For those who listen: not seen, and still read out. */
export const onlyHeard = css({
  position: 'absolute',
  width: 1,
  height: 1,
  margin: -1,
  padding: 0,
  overflow: 'hidden',
  clipPath: 'inset(50%)',
  whiteSpace: 'nowrap',
  border: 0,
});
