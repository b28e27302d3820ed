import { BoxliteError } from '@boxlite/core';

/** @param places each place that was looked at, and why it gives no kernel @param remedy what to do */
export function noKernelFound(places: readonly string[], remedy: string): BoxliteError {
  const lines = places.map((place) => `  ${place}`).join('\n');
  return new BoxliteError('kernel_unavailable', `no guest kernel was found:\n${lines}`, {
    hint: remedy,
    details: { places },
  });
}
