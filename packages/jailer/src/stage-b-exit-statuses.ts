/**
 * Exit status of a process whose stage B failed, by step; the same table as `native/stage-b/step.h`. A command of its own may end with the
 * same status, so the line `boxlite-stage-b: <step>: …` on stderr is what tells.
 */
export const STAGE_B_EXIT_STATUSES = {
  arguments: 100,
  data: 101,
  descriptors: 102,
  groups: 103,
  gid: 104,
  uid: 105,
  no_new_privs: 106,
  seccomp: 108,
  exec: 109,
  identity: 110,
  capabilities: 111,
  keyring: 112,
  dumpable: 113,
  user_namespace: 114,
} as const;

/** The steps. */
export type StageBStep = keyof typeof STAGE_B_EXIT_STATUSES;
