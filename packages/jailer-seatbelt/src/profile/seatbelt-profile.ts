import type { SandboxContext } from '@boxlite/core';
import { printSbpl } from '../sbpl/print-sbpl.js';
import type { SbplSection } from '../sbpl/sbpl-form.js';
import { baseSection } from './base-section.js';
import { networkSection, unixSocketSection } from './network-section.js';
import { pathTable } from './path-table.js';
import { processSection } from './process-section.js';
import { readSection } from './read-section.js';
import { writeSection } from './write-section.js';

/** What a profile is made from. Ids and limits are no matter of a profile. */
export type ProfileContext = Pick<SandboxContext, 'paths' | 'maskedPaths' | 'symlinks' | 'devices' | 'networkEnabled'>;

/** What a profile may hold beyond the context. */
export interface SeatbeltProfileOptions {
  /** Mach services (bootstrap names) the command may look up; default none. */
  readonly machServices?: readonly string[];
}

/**
 * The profile of one command, as text: a pure function.
 *
 * Rules stand in the order in which seatbelt reads them, the last one that matches holding; a deny has the very operation of the allow it takes
 * something from, since a rule about one operation beats a later one about a group it belongs to.
 * @param binary the command's program, with each name it goes by: it can be executed wherever it lies, and never be written
 * @example
 * ```ts
 * const context = { paths: [{ path: '/Users/me/project', writable: true }], networkEnabled: false };
 * console.log(seatbeltProfile(context, '/usr/bin/python3'));
 * ```
 */
export function seatbeltProfile(
  context: ProfileContext,
  binary: string | readonly string[],
  options: SeatbeltProfileOptions = {},
): string {
  return printSbpl(seatbeltSections(context, binary, options));
}

/** The profile before it is text: what a reader of the text has to find. */
export function seatbeltSections(
  context: ProfileContext,
  binary: string | readonly string[],
  { machServices = [] }: SeatbeltProfileOptions = {},
): readonly SbplSection[] {
  const table = pathTable(context, typeof binary === 'string' ? [binary] : binary);
  return [
    baseSection(machServices),
    processSection(table),
    readSection(table, context),
    writeSection(table, context),
    networkSection(context.networkEnabled),
    unixSocketSection(table),
  ];
}
