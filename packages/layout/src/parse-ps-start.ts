const LINE = /^\s*(\S+)\s+\S+\s+(\S+)\s+(\d{1,2})\s+(\d{2}):(\d{2}):(\d{2})\s+(\d{4})\s*$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * Reads one line of `ps -o stat=,lstart=` in the C locale and UTC (macOS has no /proc).
 * @returns the start in milliseconds since the epoch; undefined for no process, a zombie, or another text
 */
export function parsePsStart(text: string): number | undefined {
  const match = LINE.exec(text);
  if (match === null) return undefined;
  const [, state = '', month = '', day, hour, minute, second, year] = match;
  const monthIndex = MONTHS.indexOf(month);
  if (state.startsWith('Z') || monthIndex < 0) return undefined;
  return Date.UTC(Number(year), monthIndex, Number(day), Number(hour), Number(minute), Number(second));
}
