/** The C library this Node.js runs on, which is the one an addon must be made for. */
export interface HostLibc {
  readonly family: 'glibc' | 'musl' | 'unknown';
  /** Such as `2.36`; only known for glibc. */
  readonly version?: string;
}

/**
 * Asks Node's diagnostic report, which takes some milliseconds: for error messages and diagnosis, not for every start.
 * On Linux a Node.js without a glibc version in its report was made for musl; elsewhere, and in runtimes without a report, nothing is known.
 */
export function hostLibc(): HostLibc {
  if (process.platform !== 'linux' || process.report === undefined) return { family: 'unknown' };
  const report: { header?: { glibcVersionRuntime?: string } } = process.report.getReport();
  if (report.header === undefined) return { family: 'unknown' };
  const version = report.header.glibcVersionRuntime;
  return version === undefined ? { family: 'musl' } : { family: 'glibc', version };
}
