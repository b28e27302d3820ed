import { dirname } from 'node:path';
import type { SandboxContext } from '@boxlite/core';

/** The devices of every view. Stage B opens them by these names. */
const DEVICES = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom'];

/**
 * The rules stage B turns into a Landlock ruleset: one record a path, an access letter, the path, NUL.
 *
 * `r` read, `x` read and execute, `w` everything but execute. What may be written cannot be executed, so a program dropped into a
 * share or a temporary directory does not run; what is granted read-only, and the binary itself, may.
 * @param binary the program to execute
 */
export function landlockRules(context: SandboxContext, binary: string): Uint8Array {
  const rules: string[] = [`x${binary}`, 'w/tmp'];
  for (const { path, writable } of context.paths) rules.push(`${writable ? 'w' : 'x'}${path}`);
  for (const device of [...DEVICES, ...(context.devices ?? [])]) rules.push(`w${device}`);
  // A symbolic link is read through its directory, which lies in the view's own /tmp; named for sandboxes that put it elsewhere.
  for (const { path } of context.symlinks ?? []) rules.push(`r${dirname(path)}`);
  return new TextEncoder().encode([...new Set(rules)].map((rule) => `${rule}\0`).join(''));
}
