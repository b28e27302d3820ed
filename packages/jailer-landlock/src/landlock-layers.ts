import type { JailLayer, SandboxContext } from '@boxlite/core';
import { landlockCoverage, NEWEST_KNOWN_VERSION } from './landlock-versions.js';

/**
 * What a command is held by, in the words of a box's record.
 * @param uid who starts it
 */
export function landlockLayers(version: number, context: SandboxContext, uid: number): readonly JailLayer[] {
  const { held, lacking } = landlockCoverage(version, context.networkEnabled);
  const used = version > NEWEST_KNOWN_VERSION ? ` (as ABI ${NEWEST_KNOWN_VERSION})` : '';
  const alone = context.insideView !== true;
  const sockets = context.networkEnabled ? '' : '; no sockets but unix ones, by a filter';
  const missing = lacking.length === 0 ? '' : `; not ${lacking.join(', ')}`;
  const landlock: JailLayer = {
    name: 'landlock',
    state: lacking.length === 0 ? 'active' : 'partial',
    detail: `ABI ${version}${used}: ${held.join(', ')}${sockets}${missing}`,
  };
  return alone ? [...WITHOUT_A_VIEW, privileges(context.runAs?.uid ?? uid), landlock] : [landlock];
}

/** What is not there where Landlock is all there is. */
const WITHOUT_A_VIEW: readonly JailLayer[] = [
  { name: 'namespaces', state: 'inactive', detail: 'Landlock has none: other processes can be seen' },
  {
    name: 'view',
    state: 'inactive',
    detail: 'Landlock hides no names, and sockets in the file system can be reached',
  },
];

function privileges(uid: number): JailLayer {
  const detail = 'no capabilities, no_new_privs';
  return uid === 0
    ? { name: 'privileges', state: 'partial', detail: `${detail}; root by its number, whose files root's are` }
    : { name: 'privileges', state: 'active', detail };
}

/** A sentence for the person where this kernel's Landlock is not all that it could be. */
export function landlockDegradations(version: number, context: SandboxContext): readonly string[] {
  const { lacking } = landlockCoverage(version, context.networkEnabled);
  return lacking.length === 0 ? [] : [`Landlock of this kernel (ABI ${version}) does not hold ${lacking.join(', ')}`];
}
