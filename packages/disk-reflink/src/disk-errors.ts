import { BoxliteError, errnoOf, escapeText, toBoxliteError } from '@boxlite/core';

/** Longer names are cut in messages: Linux's PATH_MAX. */
const MAX_SHOWN_CHARACTERS = 4096;
/** What a file system that cannot share blocks says, and the kernel when the two files are on different ones. */
const CANNOT_CLONE = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY', 'EXDEV', 'EINVAL', 'ETXTBSY']);

/** A path as it may be shown: escaped and quoted. */
export function quoted(text: string): string {
  return `"${escapeText(text, MAX_SHOWN_CHARACTERS).replaceAll('\n', '\\x0a')}"`;
}

/** An input of the caller that cannot be used. */
export function invalidArgument(field: string, message: string, hint: string): BoxliteError {
  return new BoxliteError('invalid_argument', message, { hint, details: { field } });
}

/** A file that is no raw disk. */
export function diskInvalid(path: string, field: string, why: string, cause?: unknown): BoxliteError {
  return new BoxliteError('disk_invalid', `disk ${quoted(path)}: ${field}: ${why}`, {
    hint: 'give the path of a raw disk: a regular file that is not empty',
    details: { path, field },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What only other stores can do. */
export function unsupported(path: string, field: string, why: string, hint: string, cause?: unknown): BoxliteError {
  return new BoxliteError('unsupported', `disk ${quoted(path)}: ${why}`, {
    hint,
    details: { path, field },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Why a file could not be opened. */
export function openFailure(path: string, thrown: unknown): BoxliteError {
  const errno = errnoOf(thrown);
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new BoxliteError('not_found', `disk ${quoted(path)} does not exist`, {
        hint: 'check the path',
        cause: thrown,
        details: { path, field: 'path' },
      });
    case 'ELOOP':
      return diskInvalid(path, 'path', 'it is a symbolic link, which is never followed', thrown);
    case 'ENXIO':
    case 'EISDIR':
      return diskInvalid(path, 'path', 'it is not a regular file', thrown);
    case 'EACCES':
    case 'EPERM':
      return new BoxliteError('permission_denied', `disk ${quoted(path)} may not be opened: ${errno}`, {
        hint: 'check the owner and mode of the file and its directories',
        cause: thrown,
        details: { path },
      });
    default:
      return toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)}: cannot be opened`);
  }
}

/** Why a clone could not be made. */
export function cloneFailure(path: string, source: string, thrown: unknown): BoxliteError {
  if (BoxliteError.isInstance(thrown)) return thrown;
  const errno = errnoOf(thrown) ?? '';
  if (errno === 'EEXIST') {
    return new BoxliteError('already_exists', `disk ${quoted(path)} exists already`, {
      hint: 'choose another path, or remove the file if nothing uses it',
      details: { path, field: 'path' },
      cause: thrown,
    });
  }
  if (errno === 'ENOENT' || errno === 'ENOTDIR') {
    return new BoxliteError('not_found', `disk ${quoted(path)} cannot be created: its directory does not exist`, {
      hint: 'make the directory first',
      details: { path, field: 'path' },
      cause: thrown,
    });
  }
  if (CANNOT_CLONE.has(errno)) {
    const why = `its file system cannot share the blocks of ${quoted(source)} (${errno})`;
    const hint = 'put both on one btrfs, or one xfs made with reflink=1; or use the disk store qcow2';
    return unsupported(path, 'path', why, hint, thrown);
  }
  return toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)}: cannot be created`);
}
