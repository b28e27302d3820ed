import { isQemuSince } from '../host/qemu-version.js';

/** The descriptor on which QEMU inherits the state it goes on from. */
export const STATE_FD = 11;
/** QEMU's number of a set of descriptors; ours is the only one. */
const FD_SET = 1;

/**
 * Tells QEMU to load its state from {@link STATE_FD}. `file:` exists since QEMU 8.2; `fd:` with a file is deprecated since 9.1, and is to be refused.
 * @param qemu the version the state is of, which is the one that can load it
 */
export function incomingState(qemu = ''): readonly string[] {
  if (!isQemuSince(qemu, 8, 2)) return ['-incoming', `fd:${STATE_FD}`];
  return ['-add-fd', `fd=${STATE_FD},set=${FD_SET}`, '-incoming', `file:/dev/fdset/${FD_SET}`];
}
