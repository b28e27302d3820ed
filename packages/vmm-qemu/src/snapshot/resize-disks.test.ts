import { describe, expect, it } from 'vitest';
import { resizeDisks } from './resize-disks.js';

const MIB = 1024 * 1024;
const disk = (mib: number, readOnly = false) => ({ readOnly, bytes: mib * MIB });
const were = { disks: [disk(64), disk(16, true), disk(32)] };

/** What QEMU of a version is told. */
async function told(version: string, disks: ReturnType<typeof disk>[]): Promise<string[]> {
  const commands: string[] = [];
  const execute = async (command: string, parameters?: Readonly<Record<string, unknown>>) =>
    commands.push(`${command} ${JSON.stringify(parameters)}`);
  await resizeDisks({ version, execute }, were, disks);
  return commands;
}

describe('disks of a loaded machine', () => {
  const resize = `block_resize {"node-name":"disk2","size":${48 * MIB}}`;

  it('that are writable and have another size are told of it', async () => {
    expect(await told('7.2.22', [disk(64), disk(8, true), disk(48)])).toEqual([resize]);
  });

  it('are the machine’s own before, which QEMU 10.0 and newer wants to be told', async () => {
    for (const version of ['10.0.0', '10.2.1', '11.0.0']) {
      expect(await told(version, [disk(64), disk(16, true), disk(48)])).toEqual([
        'blockdev-set-active {"active":true}',
        resize,
      ]);
    }
  });

  it('of the size they had are left alone', async () => {
    for (const version of ['7.2.22', '10.0.13']) expect(await told(version, were.disks)).toEqual([]);
  });

  it('must be as many', async () => {
    await expect(told('10.0.13', [disk(64)])).rejects.toMatchObject({ code: 'snapshot_invalid' });
  });
});
