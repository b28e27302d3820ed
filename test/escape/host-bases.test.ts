import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Box, type Boxlite, BoxliteError } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { openWithTakenOverVmm } from './host/taken-over-vmm.js';

const SECRET = 'secret-of-another-image';
/** At the beginning of a qcow2 disk, where the name of its base is. */
const HEADER_BYTES = 4096;

let home: TemporaryHome;
let boxlite: Boxlite;
let script = 'exit 5';
let disks: string;

beforeAll(async () => {
  home = await temporaryHome();
  boxlite = await openWithTakenOverVmm(home.home, () => ({ script, boots: false }));
  disks = join(home.home, 'images/disk-images');
});
afterAll(async () => {
  await boxlite.shutdown();
  await home.remove();
});

async function failureOf(box: Box): Promise<BoxliteError> {
  try {
    await box.start();
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown)) return thrown;
    throw thrown;
  }
  throw new Error('a VMM that boots nothing started a box');
}

/** What the VMM of a box says of a shell command. */
async function saidBy(box: Box, command: string): Promise<string> {
  script = `{ ${command}; } 2>&1 | /bin/busybox tr '\\n' ' ' >&2; exit 5`;
  return (await failureOf(box)).message;
}

const newBox = () => boxlite.create({ vmm: 'taken-over', memoryMib: 160 });
const diskOf = (box: Box) => join(home.home, 'boxes', box.id, 'disks/disk.qcow2');

describe('the base disks of a home', () => {
  it(
    'are shown to a box one by one: its own for reading, those of other images not at all, whether boxes share them or not',
    async () => {
      const [first, second] = [await newBox(), await newBox()];
      script = 'exit 5';
      await failureOf(first);
      const [own = ''] = readdirSync(disks).filter((name) => name.endsWith('.ext4'));
      const other = `${createHash('sha256').update('another image').digest('hex')}.ext4`;
      writeFileSync(join(disks, other), SECRET);
      for (const box of [first, second]) {
        expect(await saidBy(box, `/bin/busybox ls ${disks}; echo END`)).toContain(`${own} END`);
        expect(await saidBy(box, `/bin/busybox cat ${disks}/${other}`)).toContain('No such file');
        expect(await saidBy(box, `echo changed > ${disks}/${own}`)).toMatch(/Read-only|Permission denied|nonexistent/);
        expect(await saidBy(box, `/bin/busybox dd if=${disks}/${own} of=/dev/null count=8`)).toContain(
          '8+0 records in',
        );
      }
      for (const box of [first, second]) await boxlite.remove(box.id, { force: true });
    },
    patience(120_000),
  );

  it(
    'do not become a box’s by a name that its VMM writes into the header of its own disk: the next start is refused',
    async () => {
      const box = await newBox();
      script = 'exit 5';
      await failureOf(box);
      const disk = diskOf(box);
      const [own = '', other = ''] = readdirSync(disks)
        .filter((name) => name.endsWith('.ext4'))
        .sort((a) => (readFileSync(disk).subarray(0, HEADER_BYTES).includes(a) ? -1 : 1));
      const at = readFileSync(disk).subarray(0, HEADER_BYTES).indexOf(own);
      expect(at).toBeGreaterThan(0);
      await saidBy(box, `printf %s ${other} | /bin/busybox dd of=${disk} bs=1 seek=${at} conv=notrunc`);
      expect(readFileSync(disk).subarray(0, HEADER_BYTES).includes(other)).toBe(true);
      const refusal = await failureOf(box);
      expect(refusal).toMatchObject({ code: 'disk_chain_invalid', details: { path: join(disks, other) } });
      expect(refusal.hint).toContain('taken over');
      await boxlite.remove(box.id, { force: true });
    },
    patience(120_000),
  );
});
