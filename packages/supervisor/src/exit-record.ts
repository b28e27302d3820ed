import { type ExitRecord, escapeText, type RefusedCall } from '@boxlite/core';

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
  if (kind === 'Signal' && isSmallInteger(signal)) {
    const call = refusedCall((value as Record<string, unknown>).call);
    return { kind, signal, ...texts, ...(call === undefined ? {} : { call }) };
  }
  return undefined;
}

/** Told by the kernel to the supervisor; read as strictly as the rest all the same. */
function refusedCall(value: unknown): RefusedCall | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { number, architecture, args } = value as Record<string, unknown>;
  if (!Number.isInteger(number) || !Number.isInteger(architecture) || !Array.isArray(args)) return undefined;
  const isRegister = (text: unknown) => typeof text === 'string' && /^0x[0-9a-f]{1,16}$/.test(text);
  if (args.length !== 6 || !args.every(isRegister)) return undefined;
  return { number: number as number, architecture: architecture as number, args };
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
