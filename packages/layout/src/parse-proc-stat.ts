/** State letter and start time (clock ticks since boot) of a process. */
export interface ProcStat {
  readonly state: string;
  readonly startTime: number;
}

/**
 * Reads `/proc/<pid>/stat` (proc_pid_stat(5)). Field 2 is the program's name in parentheses, which the program chooses: it may hold
 * spaces and parentheses, so fields are counted from the last `)`.
 * @returns undefined for a text that is no such file
 */
export function parseProcStat(text: string): ProcStat | undefined {
  const end = text.lastIndexOf(')');
  if (end < 0) return undefined;
  const fields = text
    .slice(end + 1)
    .trim()
    .split(/\s+/);
  // fields[0] is field 3 (state), so field 22 (starttime) is fields[19].
  const [state, startText] = [fields[0], fields[19]];
  if (state === undefined || !/^[A-Za-z]$/.test(state)) return undefined;
  if (startText === undefined || !/^[0-9]+$/.test(startText)) return undefined;
  return { state, startTime: Number(startText) };
}
