import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '@boxlite/core';

/** A record of `/dev/kmsg` is at most this long (CONSOLE_EXT_LOG_MAX, printk); a shorter buffer is refused. */
const RECORD_BYTES = 8_192;
/** The kernel keeps some thousands of records; bounds the time. */
const MAX_RECORDS = 20_000;
const MAX_LINES = 20;

/**
 * What the kernel's log says of KVM. Empty where it may not be read: only root may on most systems (`kernel.dmesg_restrict`).
 * @param root where `/dev/kmsg` is looked for
 */
export async function kernelLog(root: string): Promise<readonly string[]> {
  let file: FileHandle | undefined;
  try {
    file = await open(join(root, '/dev/kmsg'), constants.O_RDONLY | constants.O_NONBLOCK);
    return await linesOfKvm(file);
  } catch (thrown) {
    // Absent, closed to us, or overwritten while we read (EPIPE): it was to help, and is not needed.
    if (errnoOf(thrown) === undefined) throw thrown;
    return [];
  } finally {
    await file?.close();
  }
}

async function linesOfKvm(file: FileHandle): Promise<readonly string[]> {
  const lines: string[] = [];
  const buffer = Buffer.alloc(RECORD_BYTES);
  for (let count = 0; count < MAX_RECORDS && lines.length < MAX_LINES; count++) {
    const bytesRead = await readRecord(file, buffer);
    if (bytesRead === 0) break;
    const text = buffer.toString('utf8', 0, bytesRead);
    lines.push(...text.split('\n').filter((line) => /\bkvm/i.test(line)));
  }
  return lines;
}

/** Zero at the end of the log. */
async function readRecord(file: FileHandle, buffer: Buffer): Promise<number> {
  try {
    return (await file.read(buffer, 0, buffer.length, null)).bytesRead;
  } catch (thrown) {
    if (errnoOf(thrown) === 'EAGAIN') return 0;
    throw thrown;
  }
}
