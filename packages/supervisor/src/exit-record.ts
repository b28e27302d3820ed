import { type ExitRecord, escapeText } from '@boxlite/core';

/** The supervisor writes less than 32 KiB (`ENDING_MAX_BYTES` in native/src/ending.h). */
export const EXIT_RECORD_MAX_BYTES = 65_536;

/**
 * Reads the JSON of an `exit` file or an EXITED frame. Texts come from the guest and the VMM: they are bounded, and safe to print.
 * @returns undefined when it is not a record
 */
export function parseExitRecord(text: string): ExitRecord | undefined {
  if (text.length > EXIT_RECORD_MAX_BYTES) return undefined;
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, reason, code, signal, message, stderrTail } = value as Record<string, unknown>;
  if (kind === 'Clean') return reason === 'shutdown' || reason === 'guest' ? { kind, reason } : undefined;
  if (typeof message !== 'string' || typeof stderrTail !== 'string') return undefined;
  const texts = { message: escapeText(message), stderrTail: escapeText(stderrTail) };
  if (kind === 'Panic') return { kind, ...texts };
  if (kind === 'Error' && isSmallInteger(code)) return { kind, code, ...texts };
  if (kind === 'Signal' && isSmallInteger(signal)) return { kind, signal, ...texts };
  return undefined;
}

function isSmallInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 65_536;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is one of the ways of not being a record.
    return undefined;
  }
}
