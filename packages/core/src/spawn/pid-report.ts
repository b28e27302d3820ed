import type { Duplex, Readable } from 'node:stream';

/** bubblewrap's report is one object of a dozen numbers. */
const MAX_REPORT_BYTES = 64 * 1024;

/**
 * Takes bubblewrap's report and lets the command go. Undefined when the view was not built: bubblewrap says why on its standard error.
 * @param info what it writes to; ends once the report is complete
 * @param block what it waits on
 */
export async function takePidReport(info: Readable, block: Duplex): Promise<number | undefined> {
  // The view may fail to build, and then nobody reads the release.
  block.on('error', () => undefined);
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of info) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_REPORT_BYTES) return undefined;
      chunks.push(chunk as Buffer);
    }
    return pidOf(Buffer.concat(chunks).toString('utf8'));
  } finally {
    block.end('1');
  }
}

function pidOf(text: string): number | undefined {
  try {
    const report: unknown = JSON.parse(text);
    if (typeof report !== 'object' || report === null || !('child-pid' in report)) return undefined;
    const pid = report['child-pid'];
    return typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    // Cut short by a wrapper that died: there is no command, and its status tells.
    return undefined;
  }
}
