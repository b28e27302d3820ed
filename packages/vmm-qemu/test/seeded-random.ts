/**
 * Reproducible numbers (xorshift32).
 * @returns a function giving an integer from 0 up to, not including, `below` (at most 2^32)
 */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
