import { BoxliteError } from '@boxlite/core';
import type { HttpAnswer } from './http-client.js';

/**
 * Reads a small body whole.
 * @throws BoxliteError `image_invalid` when it is larger than `maxBytes`; what the body throws
 */
export async function readBounded(answer: HttpAnswer, maxBytes: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of answer.body) {
    total += chunk.byteLength;
    if (total > maxBytes) throw new BoxliteError('image_invalid', `${what} is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The first `maxBytes` of a body, or less when it breaks; for the texts of errors. */
export async function readStart(answer: HttpAnswer, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(chunk);
      total += chunk.byteLength;
      if (total >= maxBytes) break;
    }
  } catch {
    // The status alone says what failed; its explanation is a courtesy.
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}
