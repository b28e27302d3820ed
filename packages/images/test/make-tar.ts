import { type Header, pack } from 'tar-stream';

/** A tar of a few entries, in memory. */
export async function makeTar(
  entries: readonly (Partial<Header> & { name: string; body?: string | Buffer })[],
): Promise<Buffer> {
  const archive = pack();
  for (const { body, ...header } of entries) {
    archive.entry({ mtime: new Date(0), ...header }, body ?? '');
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
