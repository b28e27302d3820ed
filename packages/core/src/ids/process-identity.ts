/**
 * A process, told apart from a later one that got the same number: pid **and** start time.
 * `startTime` is field 22 of `/proc/<pid>/stat` in clock ticks since boot (proc(5)), so it is only comparable within one boot.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
}
