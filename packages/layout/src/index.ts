export { currentBootId, currentHolder, isHolderAlive } from './boot-id.js';
export { forbiddenBoxPaths, grantableBoxPaths, selfLoggingBoxPaths } from './box-grants.js';
export type { BoxLayout, BoxLayoutOptions, ContainerMounts } from './box-layout.js';
export { createBaseDiskId, createBoxId } from './create-id.js';
export {
  ensureSocketLinks,
  type LinkedBox,
  removeSocketLinks,
  type SocketLinkStatus,
  socketLinkStatus,
  sweepSocketLinks,
} from './ensure-socket-links.js';
export { rotateExitRecord } from './exit-record.js';
export { type TrustedProgram, type TrustProblem, untrustedReason } from './file-trust.js';
export { createHomeLayout, type HomeLayout, type HomeLayoutOptions, logsDirFor } from './home-layout.js';
export { type InstallOptions, installFile, installNew } from './install-file.js';
export { isForbiddenVolume } from './is-forbidden-volume.js';
export { type MountIsolation, type MountIsolationRequest, resolveMountIsolation } from './mount-isolation.js';
export { type FilesystemPlace, type Mount, parseMountTable, placesShown, showsPlace } from './mount-table.js';
export { ensurePrivateDirectory, PRIVATE_DIRECTORY_MODE } from './private-directory.js';
export { type BindMountProbeOptions, probeBindMounts } from './probe-bind-mounts.js';
export { isAlive, processIdentity, processStartedAtMs, selfIdentity } from './process-identity.js';
export { readHostileFile, readHostileTail } from './read-hostile-file.js';
export { emptyDirectory, removeTree } from './remove-tree.js';
export { HOME_VARIABLE, resolveHome } from './resolve-home.js';
export {
  controlLinkPath,
  LONGEST_SOCKET_NAME,
  SHORT_LINK_ROOT,
  SUN_PATH_MAX_BYTES,
  socketLinkParent,
  socketLinkPath,
} from './socket-link-path.js';
export { type StagingArea, type SweepOptions, stage, stagingName, sweepStaging } from './staging.js';
export { syncDirectory } from './sync-directory.js';
export { type Turn, takeTurn } from './take-turn.js';
