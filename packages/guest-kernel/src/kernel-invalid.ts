import { BoxliteError } from '@boxlite/core';

/**
 * The error of a file that is not a kernel we can boot.
 * @param field what is wrong in it, for programs (`e_ident`, `pvh_note`, …)
 * @param reason the rest of the sentence "the file …"
 */
export function kernelInvalid(field: string, reason: string): BoxliteError {
  return new BoxliteError('kernel_unavailable', `the file ${reason}`, {
    hint: 'use libkrunfw.so.5 for x86-64, or an x86-64 vmlinux built with CONFIG_PVH=y',
    details: { field },
  });
}
