import { isAbsolute } from 'node:path';
import type { VmmSpec } from '@boxlite/core';
import { MAX_SOCKET_PATH_BYTES } from './machine-limits.js';
import { refuse } from './refuse.js';

/** `PATH_MAX` of Linux, its NUL excluded. */
const MAX_PATH_BYTES = 4095;

/** Checks the form of every path of a spec; whether the files are there is another matter. @throws BoxliteError `invalid_argument` */
export function checkPaths(spec: VmmSpec): void {
  checkPath('kernel', spec.kernel);
  checkPath('agentSocket', spec.agentSocket, MAX_SOCKET_PATH_BYTES);
  if (spec.binDir !== undefined) checkPath('binDir', spec.binDir);
  for (const [index, { path }] of spec.disks.entries()) checkPath(`disks[${index}].path`, path);
  for (const [index, { hostPath }] of spec.shares.entries()) checkPath(`shares[${index}].hostPath`, hostPath);
  for (const [index, { socketPath }] of spec.nics.entries()) {
    checkPath(`nics[${index}].socketPath`, socketPath, MAX_SOCKET_PATH_BYTES);
  }
}

function checkPath(field: string, path: string, mostBytes = MAX_PATH_BYTES): void {
  if (!isAbsolute(path) || path.includes('\0')) {
    const message = `${field} ${JSON.stringify(path.slice(0, 200))} is not an absolute path`;
    refuse('invalid_argument', field, message, 'give an absolute path');
  }
  if (Buffer.byteLength(path) > mostBytes) {
    const message = `${field} ${JSON.stringify(path.slice(0, 200))} is too long`;
    refuse('invalid_argument', field, message, `use at most ${mostBytes} bytes`);
  }
}
