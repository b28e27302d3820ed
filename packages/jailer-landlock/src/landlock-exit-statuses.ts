/**
 * Exit status of a process whose helper failed, by step; the same table as `native/landlock/step.h`. A command of its own may end with the
 * same status, so the line `boxlite-landlock: <step>: …` on stderr is what tells.
 */
export const LANDLOCK_EXIT_STATUSES = {
  arguments: 100,
  data: 101,
  groups: 103,
  gid: 104,
  uid: 105,
  no_new_privs: 106,
  landlock: 107,
  seccomp: 108,
  exec: 109,
  identity: 110,
  capabilities: 111,
} as const;

/** What the helper does, in the words it fails with. */
export type LandlockStep = keyof typeof LANDLOCK_EXIT_STATUSES;
