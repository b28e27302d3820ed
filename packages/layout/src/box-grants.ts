import type { PathAccess } from '@boxlite/core';
import type { BoxLayout } from './box-layout.js';

/** The box-owned paths a jail may grant its VMM (spec section 2, "Path rules"); each only if it exists. */
export function grantableBoxPaths(box: BoxLayout): readonly PathAccess[] {
  return [
    { path: box.socketsDir, writable: true },
    { path: box.tmpDir, writable: true },
    { path: box.sharedDir, writable: true },
    { path: box.containerDisk, writable: true },
    { path: box.rawContainerDisk, writable: true },
    { path: box.guestRootfsOverlay, writable: true },
    { path: box.binDir, writable: false },
  ];
}

/** The paths of a VMM that writes its logs and crash record itself; ours are written by the supervisor. */
export function selfLoggingBoxPaths(box: BoxLayout): readonly PathAccess[] {
  return [
    { path: box.logsDir, writable: true },
    { path: box.exitFile, writable: true },
  ];
}

/** The box-owned paths that are hidden last, whatever was granted. */
export function forbiddenBoxPaths(box: BoxLayout): readonly string[] {
  const always = [box.controlDir, box.pidFile, box.stderrFile, box.caDir];
  // Without isolation mounts/ is shared/, which the guest sees.
  return box.mountsDir === box.sharedDir ? always : [box.mountsDir, ...always];
}
