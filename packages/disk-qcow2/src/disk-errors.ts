import { BoxliteError, type BoxliteErrorOptions, escapeText } from '@boxlite/core';

/** Hint for whatever is wrong inside a disk. */
const DAMAGED_HINT =
  'the disk is damaged or was not made by BoxLite: restore it from a snapshot, or convert a foreign one with `qemu-img convert -O qcow2`';

/** A path or name as it may be shown: escaped and quoted. */
export function quoted(text: string): string {
  return `"${escapeText(text, MAX_SHOWN_CHARACTERS).replaceAll('\n', '\\x0a')}"`;
}

/** Longer names are cut in messages: Linux's PATH_MAX. */
const MAX_SHOWN_CHARACTERS = 4096;

/**
 * @param path the disk
 * @param field what is wrong, by its name in the qcow2 specification
 * @param why the value, and why it is refused
 */
export function diskInvalid(path: string, field: string, why: string, cause?: unknown): BoxliteError {
  return new BoxliteError('disk_invalid', `disk ${quoted(path)}: ${field}: ${why}`, {
    hint: DAMAGED_HINT,
    details: { path, field },
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * @param path the overlay the chain starts at
 * @param why what is wrong with the chain
 * @param options.hint default: to restore what is missing
 */
export function diskChainInvalid(path: string, why: string, options: BoxliteErrorOptions = {}): BoxliteError {
  return new BoxliteError('disk_chain_invalid', `backing chain of disk ${quoted(path)}: ${why}`, {
    hint: 'a disk is of no use without its whole chain of backing files: restore the missing ones, or remove the box',
    ...options,
    details: { path, ...options.details },
  });
}

/** An input of the caller that cannot be used. */
export function invalidArgument(field: string, message: string, hint: string): BoxliteError {
  return new BoxliteError('invalid_argument', message, { hint, details: { field } });
}
