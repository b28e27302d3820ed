import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { BoxliteError, escapeText, throwIfAborted } from '@boxlite/core';

const BLOCK = 512;
const LONGEST_NAME = 100;
const LARGEST_OCTAL = 0o77777777777;
const LARGEST_OWNER = 0o7777777;

/**
 * A directory as a tar, its own entry left out: the same tree gives the same bytes. Owners, modes and times (in seconds) are kept; sockets are left out,
 * and devices and pipes too.
 * @param {string} root
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* tarOfDirectory(root, signal) {
  yield* entriesBelow(Buffer.from(root), Buffer.alloc(0), signal);
  yield Buffer.alloc(2 * BLOCK);
}

/** Paths are bytes: names of files need not be text. */
async function* entriesBelow(directory, prefix, signal) {
  const names = await readdir(directory, { encoding: 'buffer' });
  for (const name of names.sort(Buffer.compare)) {
    throwIfAborted(signal, `reading ${escapeText(directory.toString())}`);
    const path = Buffer.concat([directory, Buffer.from('/'), name]);
    const status = await lstat(path);
    const entry = Buffer.concat([prefix, name]);
    if (status.isDirectory()) {
      const below = Buffer.concat([entry, Buffer.from('/')]);
      yield* header('5', below, status);
      yield* entriesBelow(path, below, signal);
    } else if (status.isSymbolicLink()) yield* header('2', entry, status, await readlink(path, { encoding: 'buffer' }));
    else if (status.isFile()) {
      yield* header('0', entry, status);
      yield* contents(path, status.size);
    }
  }
}

/** A file that grows or shrinks meanwhile would shift all that follows. */
async function* contents(path, size) {
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    bytes += chunk.length;
    if (bytes > size) break;
    yield chunk;
  }
  if (bytes !== size) {
    throw new BoxliteError('digest_mismatch', `${escapeText(path.toString())} changed while it was read`, {
      hint: 'leave the directory alone until the box has started',
    });
  }
  yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What does not fit its field goes before the header, in a pax header of its own (POSIX.1-2017, "pax Interchange Format"). */
function* header(type, name, status, link = Buffer.alloc(0)) {
  const size = type === '0' ? status.size : 0;
  const records = [
    ...(name.length > LONGEST_NAME ? [record('path', name)] : []),
    ...(link.length > LONGEST_NAME ? [record('linkpath', link)] : []),
    ...(size > LARGEST_OCTAL ? [record('size', Buffer.from(String(size)))] : []),
    ...['uid', 'gid'].flatMap((key) =>
      status[key] > LARGEST_OWNER ? [record(key, Buffer.from(String(status[key])))] : [],
    ),
  ];
  if (records.length > 0) {
    const body = Buffer.concat(records);
    yield block('x', Buffer.from('pax'), { mode: 0o644, uid: 0, gid: 0, mtimeMs: 0 }, body.length, Buffer.alloc(0));
    yield Buffer.concat([body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]);
  }
  yield block(type, name, status, Math.min(size, LARGEST_OCTAL), link);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function record(key, value) {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

function block(type, name, { mode, uid, gid, mtimeMs }, size, link) {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value, offset, digits) =>
    bytes.write(value.toString(8).padStart(digits, '0').slice(-digits), offset, 'latin1');
  name.copy(bytes, 0, 0, LONGEST_NAME);
  octal(mode & 0o7777, 100, 7);
  octal(uid, 108, 7);
  octal(gid, 116, 7);
  octal(size, 124, 11);
  octal(Math.max(0, Math.trunc(mtimeMs / 1000)), 136, 11);
  bytes.write(type, 156, 'latin1');
  link.copy(bytes, 157, 0, LONGEST_NAME);
  bytes.write('ustar\u000000', 257, 'latin1');
  bytes.fill(' ', 148, 156);
  octal(
    bytes.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  bytes[154] = 0;
  return bytes;
}
